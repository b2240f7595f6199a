import type { Clock } from "../../machinery/clock.ts";
import { isConflict } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { parseTime } from "../../machinery/time.ts";
import type { Item } from "../../store/item.ts";
import { collectionPrefix } from "../../store/keys.ts";
import { isExpiredToken, readBootstrapToken } from "../authn/bootstrap-token.ts";
import { objectIn, objectsIn, textIn } from "../kinds/fill.ts";
import type { Storage } from "../objects/storage.ts";
import { requestCollection } from "./tend-requests.ts";

const hourMs = 3_600_000;
const periodMs = 5 * 60_000;
/** As Kubernetes' csrcleaner has it: a day for what nobody decided, an hour for the rest. */
const waitingMs = 24 * hourMs;
const decidedMs = hourMs;
/** An expired token stays for a day: who asks why it fails finds it in the list. */
const expiredTokenMs = 24 * hourMs;

function isStaleRequest(request: AnyObject, nowMs: number): boolean {
  const status = objectIn(request, "status");
  const decided = objectsIn(status, "conditions").length > 0;
  const times = objectsIn(status, "conditions").map((one) => textIn(one, "lastUpdateTime"));
  const since = [request.metadata.creationTimestamp, ...times].map((time) => parseTime(time) ?? 0);
  return nowMs - Math.max(...since) > (decided ? decidedMs : waitingMs);
}

function isStaleToken(secret: AnyObject, nowMs: number): boolean {
  const token = readBootstrapToken(secret);
  return token !== undefined && isExpiredToken(token, nowMs - expiredTokenMs);
}

async function remove({ store }: Storage, { key, at }: Item): Promise<void> {
  try {
    await store.delete(key, at);
  } catch (err) {
    if (!isConflict(err)) throw err; // changed or removed meanwhile
  }
}

/** What cleaning needs. */
export type RequestCleanerOptions = {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly onError: (err: unknown) => void;
};

/** Removes requests that came to their end and bootstrap tokens that expired, now. */
export async function cleanOnce({ storage, clock }: RequestCleanerOptions): Promise<void> {
  const nowMs = clock.nowMs();
  const { cache } = storage;
  const requests = cache.list(collectionPrefix(requestCollection));
  const secrets = cache.list(collectionPrefix({ group: "", plural: "secrets" }, "kube-system"));
  const stale = [
    ...requests.filter(({ object }) => isStaleRequest(object, nowMs)),
    ...secrets.filter(({ object }) => isStaleToken(object, nowMs)),
  ];
  for (const item of stale) await remove(storage, item);
}

/** Does so every five minutes until the signal aborts. */
export async function cleanRequests(
  options: RequestCleanerOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await cleanOnce(options).catch(options.onError);
    try {
      await options.clock.sleep(periodMs, signal);
    } catch {
      return; // aborted: that is how this ends
    }
  }
}
