import type { PodSpec } from "../resources.ts";

/** What is judged: a Pod, or a template of Pods. */
export type Subject = {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  /** Ports of hosts that containers may take; Kubernetes has no such list. */
  readonly allowsHostPort: (port: number) => boolean;
};

/** Why a control is not met: `reason (detail)`. */
export type Violation = { readonly reason: string; readonly detail: string };

/** One control of the Pod Security Standards, in the version that was asked for. */
export type Check = {
  /** Kubernetes' name of it; the order of messages is that of these. */
  readonly id: string;
  /** First minor version of Kubernetes that has the control. */
  readonly since: number;
  /** At the level restricted the named control takes its place. */
  readonly replacedBy?: string;
  readonly find: (subject: Subject, minor: number) => Violation | undefined;
};

/** A container of whichever list; fields that only some lists have are absent in the others. */
export type AnyContainer = PodSpec["containers"][number];

/** All containers, those that run before and those for debugging included. */
export function containersOf({ spec }: Subject): readonly AnyContainer[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  return [...initContainers, ...containers, ...(ephemeralContainers as readonly AnyContainer[])];
}

/** One or many. */
export const plural = (one: string, many: string, count: number): string =>
  count === 1 ? one : many;

/** `"a", "b"`. */
export const quoted = (items: readonly string[]): string =>
  items.map((item) => `"${item}"`).join(", ");

/** Each once, in the order of their characters. */
export const sorted = (items: Iterable<string>): readonly string[] =>
  [...new Set(items)].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));

/** `container "a"` or `containers "a", "b"`. */
export const named = (containers: readonly AnyContainer[]): string =>
  `${plural("container", "containers", containers.length)} ${quoted(containers.map(({ name }) => name))}`;

/** Who sets something that is refused: the pod, containers, or both. */
export const setters = (byPod: boolean, containers: readonly AnyContainer[]): string =>
  [...(byPod ? ["pod"] : []), ...(containers.length > 0 ? [named(containers)] : [])].join(" and ");
