import type { ItemEvent } from "../../store/item.ts";
import { collectionPrefix } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import { label } from "../../../crds/labels.ts";
import type { User } from "../access.ts";
import { textIn } from "../kinds/fill.ts";
import { beaconOf } from "./node-identity.ts";
import { rbacGroup } from "./policy.ts";

/** Whose rights a change may have touched; absent: anybody's. */
type Concerns = ((user: User) => boolean) | undefined;
type OnChange = (concerns?: (user: User) => boolean) => void;

/** Something that identities or rights depend on. */
type Source = {
  readonly group: string;
  readonly plural: string;
  /** `false`: no right changes by this event. Absent: by each. */
  readonly touches?: (event: ItemEvent) => boolean;
  readonly concerns?: (event: ItemEvent) => Concerns;
};

const isGone = ({ type }: ItemEvent): boolean => type === "DELETED";

const hasNewSpec = ({ type, item, previous }: ItemEvent): boolean =>
  type !== "MODIFIED" || item.object.metadata.generation !== previous?.object.metadata.generation;

const isAgent = (user: User): boolean => beaconOf(user) !== undefined;

const beaconLabel = (item: ItemEvent["item"] | undefined): string | undefined =>
  item?.object.metadata.labels?.[label.beacon];

/** Tokens may be bound to an object, and end with it. */
const boundTo =
  (kind: "pod" | "node") =>
  ({ item }: ItemEvent): Concerns => {
    const { uid } = item.object.metadata;
    return ({ extra }) =>
      extra?.[`authentication.kubernetes.io/${kind}-uid`]?.includes(uid) === true;
  };

const roles = ["roles", "clusterroles", "rolebindings", "clusterrolebindings"];

const sources: readonly Source[] = [
  ...roles.map((plural): Source => ({ group: rbacGroup, plural })),
  { group: "lighthouse.dev", plural: "users", touches: hasNewSpec },
  { group: "lighthouse.dev", plural: "sessions", touches: hasNewSpec },
  { group: "lighthouse.dev", plural: "beacons", touches: hasNewSpec, concerns: () => isAgent },
  { group: "", plural: "serviceaccounts", touches: isGone },
  {
    group: "",
    plural: "secrets",
    touches: (event) =>
      isGone(event) && textIn(event.item.object, "type") === "kubernetes.io/service-account-token",
  },
  { group: "", plural: "pods", touches: isGone, concerns: boundTo("pod") },
  { group: "", plural: "nodes", touches: isGone, concerns: boundTo("node") },
  {
    group: "",
    plural: "nodes",
    touches: ({ item, previous }) => beaconLabel(item) !== beaconLabel(previous),
    concerns: () => isAgent,
  },
];

function follow(cache: WatchCache, source: Source, onChange: OnChange): void {
  const { touches = () => true, concerns } = source;
  cache.subscribe(collectionPrefix(source), cache.revision, {
    onEvents(events) {
      for (const event of events.filter(touches)) onChange(concerns?.(event));
    },
    onReset: () =>
      queueMicrotask(() => {
        follow(cache, source, onChange);
        onChange(); // nobody knows what was missed
      }),
  });
}

/**
 * Tells of each change of what identities and rights depend on: roles and bindings, users and their
 * sessions, accounts and what tokens are bound to, beacons and whose a Node is. Goes on for as long as the
 * cache is open. Heartbeats and other changes of a status are not among them.
 */
export function followAccess(cache: WatchCache, onChange: OnChange): void {
  for (const source of sources) follow(cache, source, onChange);
}
