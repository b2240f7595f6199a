import { nodeReason } from "../../crds/conditions.ts";
import { strange } from "./trouble.ts";

/** The newest API that this driver was written for; a newer engine still speaks it. */
const newest = "1.47";
/** Docker 19.03: the first with what the agent needs. */
const oldest = "1.40";

/** Compares two API versions by their numbers: negative when `a` is older. */
export function compareVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

/**
 * The API version to speak with an engine that announced `announced` in its ping.
 *
 * @throws StatusError `ServiceUnavailable` for an engine that is too old or is none.
 */
export function negotiate(announced: string | readonly string[] | undefined, url: string): string {
  if (typeof announced !== "string" || !/^\d+\.\d+$/.test(announced))
    throw strange(
      url,
      nodeReason.notAnEngine,
      `Cannot use ${url} as Docker engine: it answers, but not as a Docker engine does`,
    );
  if (compareVersions(announced, oldest) < 0)
    throw strange(
      url,
      nodeReason.engineVersion,
      `Cannot use Docker engine at ${url}: its API is ${announced}, want ${oldest} (Docker 19.03) or newer`,
    );
  return compareVersions(announced, newest) < 0 ? announced : newest;
}
