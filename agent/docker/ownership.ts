import { StatusError } from "../../api/machinery/errors.ts";
import { containerLabel } from "../../crds/labels.ts";

type Labels = Readonly<Record<string, string>>;

const prefix = "lighthouse.dev/";

/** `shop/web-0`, when a container is one of this control plane's. */
export function podOf(labels: Labels | null | undefined, cluster: string): string | undefined {
  if (labels?.[containerLabel.cluster] !== cluster) return undefined;
  if (labels[containerLabel.podUid] === undefined) return undefined;
  return `${labels[containerLabel.podNamespace] ?? "default"}/${labels[containerLabel.podName] ?? ""}`;
}

/** Whether a network or volume was made by Lighthouse, this one or another. */
export function isOurs(labels: Labels | null | undefined): boolean {
  return Object.keys(labels ?? {}).some((name) => name.startsWith(prefix));
}

const orOverride = "or get the right to override nodes/docker-write of this node";

/** The refusal of what would change a container behind its Pod's back. */
export function ownedContainer(name: string, pod: string): StatusError {
  return new StatusError(
    "Forbidden",
    `Cannot change container ${name}: it belongs to Pod ${pod} of Lighthouse; change or delete that Pod or its Application, ${orOverride}`,
  );
}

/** The refusal of what would change, or join, a network or volume of Lighthouse. */
export function ownedThing(kind: "network" | "volume", name: string): StatusError {
  return new StatusError(
    "Forbidden",
    `Cannot change or use ${kind} ${name}: it belongs to Pods of Lighthouse; choose another one, ${orOverride}`,
  );
}

/** The refusal of what would reach the host by way of a container. */
export function hostBehind(name: string, why: string): StatusError {
  return new StatusError(
    "Forbidden",
    `Cannot enter container ${name}: ${why}, so that whoever is in it has the host; get the right to override nodes/docker-write of this node`,
  );
}

/** The refusal of the host's own network. */
export function hostNetwork(name: string): StatusError {
  return new StatusError(
    "Forbidden",
    `Cannot use network ${name}: it is that of the host; get the right to override nodes/docker-write of this node`,
  );
}

/** The refusal of what would change an agent: it is how all this is allowed at all. */
export function agentContainer(name: string): StatusError {
  return new StatusError(
    "Forbidden",
    `Cannot change container ${name}: it is an agent of Lighthouse; get the right to override nodes/docker-write of this node`,
  );
}
