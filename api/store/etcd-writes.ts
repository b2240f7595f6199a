import { setTimeout as sleep } from "node:timers/promises";
import type { IEvent, IRequestOp, ITxnResponse } from "etcd3";
import { guardConflict, isExpired, revisionConflict, timedOut } from "../machinery/errors.ts";
import type { EtcdClient } from "./etcd-client.ts";
import { isUnknown, translateEtcd } from "./etcd-errors.ts";
import { revisionOf, watchRange } from "./etcd-watch.ts";
import type { StatusError } from "../machinery/errors.ts";
import type { Guard, Revision } from "./store.ts";

/** One compare-and-set, or compare-and-delete without a value. */
export type EtcdWrite = {
  /** For messages. */
  readonly key: string;
  readonly etcdKey: Buffer;
  readonly value: Uint8Array | undefined;
  readonly expected: Revision;
  /** A revision that etcd had reached before the write began. */
  readonly seen: Revision;
  readonly guard?: Guard & { readonly etcdKey: Buffer };
};

/** How long to find out what became of a write whose answer was lost. Integer, milliseconds. */
const resolveMs = 4_000;
const pauseMs = 100;

/**
 * Carries out a write exactly once, or says why not. When the answer to a transaction is lost,
 * the same transaction is sent again: its comparison lets only one of the two take effect. If
 * the repetition is refused, the key's history tells whether the first one was carried out.
 * @throws StatusError `Conflict`, `ServiceUnavailable`, or `Timeout` if the outcome is unknown
 */
export async function writeOnce(client: EtcdClient, write: EtcdWrite): Promise<Revision> {
  const request = {
    compare: [compareOf(write), ...guardOf(write)],
    success: [successOf(write)],
    failure: [{ request_range: { key: write.etcdKey } }],
  };
  let response: ITxnResponse;
  try {
    response = await client.txn(request);
  } catch (err) {
    if (!isUnknown(err)) throw translateEtcd(err, "write to", client.hosts);
    return resolve(client, write, () => client.txn(request), err);
  }
  if (response.succeeded) return Number(response.header.revision);
  throw refusal(write, response);
}

function refusal({ key, expected, guard }: EtcdWrite, response: ITxnResponse): StatusError {
  const live = liveRevision(response);
  if (guard !== undefined && live === expected) return guardConflict(key, guard.key, guard.at);
  return revisionConflict(key, live, expected);
}

function guardOf({ guard }: EtcdWrite) {
  if (guard === undefined) return [];
  const { etcdKey, at } = guard;
  return [{ result: "Equal", target: "Mod", key: etcdKey, mod_revision: at } as const];
}

function compareOf({ etcdKey, expected }: EtcdWrite) {
  return { result: "Equal", target: "Mod", key: etcdKey, mod_revision: expected } as const;
}

function successOf({ etcdKey, value }: EtcdWrite): IRequestOp {
  if (value === undefined) return { request_delete_range: { key: etcdKey } };
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { request_put: { key: etcdKey, value: bytes } };
}

function liveRevision({ responses }: ITxnResponse): Revision {
  return Number(responses[0]?.response_range.kvs[0]?.mod_revision ?? 0);
}

async function resolve(
  client: EtcdClient,
  write: EtcdWrite,
  repeat: () => Promise<ITxnResponse>,
  cause: unknown,
): Promise<Revision> {
  const end = performance.now() + resolveMs;
  while (performance.now() < end) {
    await sleep(pauseMs);
    try {
      const response = await repeat();
      if (response.succeeded) return Number(response.header.revision);
      const done = await findInHistory(client, write, response, end - performance.now());
      if (done !== undefined) return done;
      throw refusal(write, response);
    } catch (err) {
      if (isExpired(err)) break; // the history that knew is gone
      if (!isUnknown(err) && !isConnectionLost(err)) throw err;
    }
  }
  throw timedOut(
    `Cannot say whether ${write.key} was written: etcd at ${client.hosts} gave no answer`,
    { cause },
  );
}

const isConnectionLost = (err: unknown): boolean => err instanceof Error && !("reason" in err);

/**
 * The revision at which our write was carried out, `undefined` if it was not. An update or
 * deletion can only be the very next event after the revision it expected; a creation is one of
 * the events since the write began. Equal bytes count as ours: see ADR 0002.
 */
async function findInHistory(
  client: EtcdClient,
  { etcdKey, value, expected, seen }: EtcdWrite,
  refused: ITxnResponse,
  timeoutMs: number,
): Promise<Revision | undefined> {
  const live = liveRevision(refused);
  const since = expected === 0 ? seen : expected;
  if (expected === 0 && live <= seen) return undefined; // it was there before we began
  if (live === expected) return undefined; // only the guard was in the way, both times
  const range = { key: etcdKey, range_end: Buffer.concat([etcdKey, Buffer.of(0)]) };
  const signal = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
  for await (const events of watchRange(client, { range, since, signal })) {
    for (const event of events) {
      if (isOurs(event, value, expected)) return revisionOf(event);
      if (expected !== 0 || revisionOf(event) >= live) return undefined;
    }
  }
  throw new Error("etcd gave no history in time");
}

function isOurs(event: IEvent, value: Uint8Array | undefined, expected: Revision): boolean {
  const deletion = event.type.toUpperCase() === "DELETE";
  if (value === undefined || deletion) return value === undefined && deletion;
  const created = event.kv.create_revision === event.kv.mod_revision;
  return created === (expected === 0) && Buffer.compare(event.kv.value, value) === 0;
}
