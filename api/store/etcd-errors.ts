import { reasonOf, StatusError, tooLarge, unavailable } from "../machinery/errors.ts";

/** Largest request that an etcd with default settings takes. Integer, bytes. */
const maxRequestBytes = 1_572_864;

const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err));

/** Whether a call cannot have reached etcd, so that another member may be asked at once. */
export function isUnsent(err: unknown): boolean {
  return /No connection established|Name resolution failed|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|too many requests/.test(
    messageOf(err),
  );
}

// What etcd says of a request that it has not carried out, and never will.
const refusals =
  /permission denied|authentication failed|invalid auth token|revision of auth store is old|database space exceeded|request is too large|larger than max|required revision|too many requests|user name is empty/;

/** Whether a write may have been carried out although its call failed. */
export function isUnknown(err: unknown): boolean {
  return reasonOf(err) === undefined && !isUnsent(err) && !refusals.test(messageOf(err));
}

/** Whether the session with etcd must be built anew to get a fresh token. */
export function isStaleToken(err: unknown): boolean {
  return /revision of auth store is old|invalid auth token/.test(messageOf(err));
}

/** Whether etcd has forgotten the revision that was asked for. */
export function isCompacted(err: unknown): boolean {
  return messageOf(err).includes("required revision has been compacted");
}

/** Whether etcd has not yet come to the revision that was asked for. */
export function isFutureRevision(err: unknown): boolean {
  return messageOf(err).includes("required revision is a future revision");
}

/** Says what etcd did not do, and what to do about it. `hosts` names the cluster. */
export function translateEtcd(err: unknown, action: string, hosts: string): StatusError {
  if (err instanceof StatusError) return err;
  const what = `Cannot ${action} etcd at ${hosts}`;
  const text = messageOf(err);
  if (/request is too large|larger than max/.test(text)) return tooLarge(maxRequestBytes);
  if (text.includes("database space exceeded")) {
    return unavailable(
      `${what}: its database is full; compact, defragment and "etcdctl alarm disarm", or raise --quota-backend-bytes`,
      { cause: err },
    );
  }
  if (/permission denied|authentication failed|user name is empty/.test(text)) {
    return unavailable(
      `${what}: it refuses the user; check user, password and the role's permission on the prefix`,
      { cause: err },
    );
  }
  return unavailable(`${what}: ${text.replace(/^\w+: (?=\d)/, "")}`, { cause: err });
}
