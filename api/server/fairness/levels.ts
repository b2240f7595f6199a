import type { User } from "../access.ts";
import { auditPath } from "../audit/audit-path.ts";
import type { RequestInfo } from "../objects/request-info.ts";
import type { QueueLimits } from "./fair-queue.ts";

/** A class of requests with seats of its own: classes never wait for each other. */
export type Level = QueueLimits & {
  readonly name: string;
  /** Sent as `X-Kubernetes-Pf-Prioritylevel-Uid`. */
  readonly uid: string;
};

/** Which level a request belongs to, and whose queue it waits in there. */
export type Place = { readonly level: Level; readonly flow: string };

const uid = (number: number): string =>
  `6c696768-7468-4f75-8365-666c6f77${number.toString(16).padStart(4, "0")}`;

const level = (name: string, number: number, seats: number): Level => ({
  name,
  uid: uid(number),
  seats,
  queueLength: 500,
  queuedTotal: 2_000,
});

/**
 * The levels, in the words of Kubernetes' suggested configuration
 * (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/). Administrators are
 * not exempt here: their tools are the likeliest to send a storm of lists, and as they have a
 * level of their own nobody else's storm can lock them out.
 */
export const levels = {
  /** Heartbeats, leader election and status: what keeps the fleet from being taken for dead. */
  system: level("system", 1, 64),
  administrators: level("administrators", 2, 128),
  workloadHigh: level("workload-high", 3, 64),
  workloadLow: level("workload-low", 4, 128),
  globalDefault: level("global-default", 5, 128),
  catchAll: { ...level("catch-all", 6, 5), queueLength: 50, queuedTotal: 200 },
} as const satisfies Readonly<Record<string, Level>>;

/** Stands for public paths, and for requests that end before anybody is known. */
export const exemptUid = uid(0);

const machinery = new Set([
  "system:nodes",
  "system:beacons",
  "system:lighthouse:controllers",
  "system:serviceaccounts:kube-system",
  "system:serviceaccounts:lighthouse-system",
]);
const writes = new Set(["create", "update", "patch"]);

function keepsAlive({ verb, resource }: RequestInfo): boolean {
  if (resource === undefined) return false;
  const { group, plural, subresource } = resource;
  const lease = group === "coordination.k8s.io" && plural === "leases";
  return (lease && verb !== "list") || (subresource === "status" && writes.has(verb));
}

/** Puts a request in its place. */
export function placeOf({ name, groups }: User, info: RequestInfo): Place {
  if (groups.includes("system:masters")) return { level: levels.administrators, flow: name };
  if (groups.some((group) => machinery.has(group))) {
    return { level: keepsAlive(info) ? levels.system : levels.workloadHigh, flow: name };
  }
  if (groups.includes("system:serviceaccounts")) return { level: levels.workloadLow, flow: name };
  if (groups.includes("system:authenticated")) return { level: levels.globalDefault, flow: name };
  return { level: levels.catchAll, flow: name };
}

const longRunning = new Set([
  "log",
  "exec",
  "attach",
  "portforward",
  "proxy",
  "rollout",
  "tunnel",
  "docker-exec",
]);

/** Whether a request lasts as long as its client wants: it must not hold seats meanwhile. */
export function isLongRunning({ verb, path, resource }: RequestInfo): boolean {
  return verb === "watch" || path === auditPath || longRunning.has(resource?.subresource ?? "");
}
