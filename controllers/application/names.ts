import { joinedName, shortHash } from "../../api/machinery/names.ts";

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** Name of the Revision of this number, e.g. `web-3`. */
export function revisionName(application: string, number: number): string {
  return joinedName([application, number]);
}

/**
 * Name of the pod of a slot in a Revision, e.g. `web-3-0`. A function of both, so that a repeated
 * create meets AlreadyExists and never makes a twin. At most 63 characters: it becomes a host name.
 *
 * `beside` are the uids of pods of this Revision that the slot has and can no longer use: one that
 * its dead host cannot let go of, or one that was asked to leave its host. The pod that takes over
 * has a name of its own then, a function of them too, e.g. `web-3-0-x7k2m9qd4w`.
 */
export function podName(revision: string, slot: string, beside: readonly string[] = []): string {
  // A Node name may hold dots; the hash keeps `a.b` and `a-b` apart.
  const part = dnsLabel.test(slot) ? slot : `${slot.split(".")[0] ?? ""}-${shortHash(slot)}`;
  const after = beside.length === 0 ? [] : [shortHash(beside.toSorted().join(" "))];
  return joinedName([revision, part, ...after]);
}
