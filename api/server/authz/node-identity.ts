import type { User } from "../access.ts";

/** Every agent is in this group. */
export const beaconsGroup = "system:beacons";

const prefix = "system:beacon:";

/** The user that the agent of a beacon is, e.g. `system:beacon:paris`. */
export function beaconUser(beacon: string): string {
  return `${prefix}${beacon}`;
}

/**
 * The beacon that a user speaks for: an empty text for a member of the agents' group whose name says
 * none, who may do nothing; `undefined` for everybody who is no agent.
 */
export function beaconOf({ name, groups }: Pick<User, "name" | "groups">): string | undefined {
  if (!groups.includes(beaconsGroup)) return undefined;
  return name.startsWith(prefix) ? name.slice(prefix.length) : "";
}
