import { isUnsent } from "./etcd-errors.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { IEvent, IWatchResponse } from "etcd3";
import { expired, isExpired } from "../machinery/errors.ts";
import type { EtcdClient, WatchStream } from "./etcd-client.ts";
import type { KeyRange } from "./etcd-keys.ts";
import type { Revision } from "./store.ts";

/** What to watch: all events of a range after a revision. */
export type RangeWatch = {
  readonly range: KeyRange;
  readonly since: Revision;
  readonly signal: AbortSignal;
};

const firstBackoffMs = 50;
const maxBackoffMs = 1_000;

/** The revision of an event. */
export function revisionOf(event: IEvent): Revision {
  return Number(event.kv.mod_revision);
}

/**
 * Every event after `since`, once and in order, in lists of whole revisions, until the signal
 * aborts. Reconnects for ever, resuming behind the last event it has given: etcd3's own watcher
 * resumes at the store's revision and thereby skips what it had not caught up with.
 * @throws StatusError `Expired` if the position was compacted
 */
export async function* watchRange(
  client: EtcdClient,
  { range, since, signal }: RangeWatch,
): AsyncGenerator<readonly IEvent[], void, undefined> {
  let at = since;
  let backoffMs = firstBackoffMs;
  while (!signal.aborted) {
    try {
      for await (const events of readStream(client, { range, since: at, signal })) {
        backoffMs = firstBackoffMs;
        at = Math.max(at, ...events.slice(-1).map(revisionOf));
        yield events;
      }
    } catch (err) {
      if (isExpired(err)) throw err;
      // Anything else is trouble with the network or a member, and passes.
    }
    if (signal.aborted) return;
    await client.renew();
    await sleep(backoffMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
    backoffMs = Math.min(2 * backoffMs, maxBackoffMs);
  }
}

/** One stream, until it breaks or the signal aborts. */
async function* readStream(
  client: EtcdClient,
  { range, since, signal }: RangeWatch,
): AsyncGenerator<readonly IEvent[], void, undefined> {
  const stream = await client.watch();
  const stop = (): void => {
    endStream(stream);
  };
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    // From `since`, not after it: etcd compares with its compaction floor, and at the floor
    // itself deletions are already gone. The repeated event is dropped below.
    const start_revision = Math.max(1, since);
    stream.write({
      create_request: { ...range, start_revision, prev_kv: true, fragment: true },
    });
    let held: readonly IEvent[] = [];
    for await (const response of stream.iterator({ destroyOnReturn: false })) {
      checkResponse(response, since);
      const events = [...held, ...response.events.filter((event) => revisionOf(event) > since)];
      held = response.fragment ? lastRevision(events) : [];
      const whole = events.slice(0, events.length - held.length);
      if (whole.length > 0) yield whole;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

// A fragment may end in the middle of a revision.
function lastRevision(events: readonly IEvent[]): readonly IEvent[] {
  const last = events.at(-1);
  if (last === undefined) return [];
  return events.filter((event) => event.kv.mod_revision === last.kv.mod_revision);
}

function checkResponse(response: IWatchResponse, since: Revision): void {
  if (!response.canceled) return;
  const compacted = Number(response.compact_revision);
  if (compacted > 0) {
    throw expired(`Cannot watch from revision ${since}: etcd's history starts at ${compacted}`);
  }
  throw new Error(`etcd canceled the watch: ${response.cancel_reason}`);
}

/** Ends before it cancels: etcd3 takes the error of a writable stream for a failed member. */
function endStream(stream: WatchStream): void {
  stream.end();
  stream.cancel();
}

/** Each stream goes to a member that etcd3 draws by lot, and is not tried on another one: with one
 * of three members up, 24 draws miss it once in 16,000 times. */
const drawsPerMember = 8;

/** Below which revision etcd's history is gone; it tells only those who watch from there. */
export async function probeCompacted(client: EtcdClient, marker: Buffer): Promise<Revision> {
  const members = client.hosts.split(",").length;
  for (let left = members > 1 ? members * drawsPerMember : 1; ; left -= 1) {
    try {
      return await probeOnce(client, marker);
    } catch (err) {
      if (left <= 1 || !isUnsent(err)) throw err;
    }
  }
}

async function probeOnce(client: EtcdClient, marker: Buffer): Promise<Revision> {
  const stream = await client.watch();
  try {
    stream.write({ create_request: { key: marker, start_revision: 1 } });
    for await (const response of stream.iterator({ destroyOnReturn: false })) {
      if (response.canceled) return Number(response.compact_revision);
      if (response.events.length > 0) return 0;
    }
    throw new Error("etcd ended the watch");
  } finally {
    endStream(stream);
  }
}
