import type { Cache } from "../../../api/client/informer.ts";
import { annotation } from "../../../crds/labels.ts";
import type { Application } from "../../../crds/types.gen.ts";
import { defined } from "../defined.ts";
import type { GroupSeen } from "./group-seen.ts";
import { type ConfigSource, wantedOf } from "../reload/config-version.ts";
import { memberSeen } from "./membership.ts";
import { memoryFrom } from "../memory.ts";

/** Index of Applications by their rollout group. */
export const byGroup = "rolloutGroup";

const groupName = ({ metadata }: Application): string | undefined => {
  const name = metadata.annotations?.[annotation.rolloutGroup];
  return name === "" ? undefined : name;
};

/** Where the index files an Application, e.g. `shop/release`; nowhere outside of any group. */
export function groupIndex(application: Application): readonly string[] {
  const name = groupName(application);
  return name === undefined ? [] : [`${application.metadata.namespace ?? ""}/${name}`];
}

/** Anything but a whole number counts as 0. */
function orderOf({ metadata }: Application): number {
  const order = Number(metadata.annotations?.[annotation.rolloutOrder] ?? 0);
  return Number.isInteger(order) ? order : 0;
}

const facts = (application: Application) => ({
  name: application.metadata.name,
  order: orderOf(application),
  ...defined({ version: application.metadata.annotations?.[annotation.rolloutGroupVersion] }),
});

/** What a group is read from. */
export type GroupSources = {
  readonly applications: Cache<Application>;
  readonly config?: ConfigSource;
};

/** The group of an Application with what its other members have on record. */
export function groupOf(
  { applications, config }: GroupSources,
  application: Application,
): GroupSeen | undefined {
  const name = groupName(application);
  const [place] = groupIndex(application);
  if (name === undefined || place === undefined) return undefined;
  const others = applications
    .by(byGroup, place)
    .filter(({ metadata }) => metadata.uid !== application.metadata.uid)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((other) => {
      const about = { ...facts(other), hash: wantedOf(other, config).hash };
      return memberSeen(about, memoryFrom(other.status), name);
    });
  return {
    ...facts(application),
    name,
    others: others.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  };
}
