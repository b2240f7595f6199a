import type { BackupAbout, BackupRecord } from "../../backup/records.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { encodeObject } from "../../store/item.ts";
import { collectionPrefix, storeKey } from "../../store/keys.ts";
import { volatileSteps } from "../../store/volatile.ts";
import {
  sessionCollection,
  sessionSecretCollection,
  setupCollection,
} from "../identity/collections.ts";
import { objectIn } from "../kinds/fill.ts";
import { heldNode } from "./hold.ts";
import { isPassing } from "./passing.ts";

type Entry = Extract<BackupRecord, { type: "entry" }>;

/** What becomes of an entry: a value to store, or why it is left out. */
export type Restored =
  | { readonly value: Uint8Array }
  | { readonly leftOut: "leases" | "sessions" | "tokens to join with" };

const logins = [sessionCollection, sessionSecretCollection, setupCollection].map((one) =>
  collectionPrefix(one),
);
const nodes = collectionPrefix({ group: "", plural: "nodes" });
const applications = collectionPrefix({ group: "lighthouse.dev", plural: "applications" });
const joinTokens = storeKey(
  { group: "", plural: "secrets" },
  { namespace: "kube-system", name: "bootstrap-token-" },
);

const objectOf = ({ value }: Entry): AnyObject =>
  JSON.parse(Buffer.from(value).toString()) as AnyObject;

/**
 * What a restore makes of one entry. Left out is what ends by itself or was meant for one use: a session
 * that was revoked since, or a token that was used up, must not come back. `since` is now, RFC 3339.
 */
export function restoredEntry(entry: Entry, since: string): Restored {
  const { key } = entry;
  if (isPassing(key)) return { leftOut: "leases" };
  if (logins.some((prefix) => key.startsWith(prefix))) return { leftOut: "sessions" };
  if (key.startsWith(joinTokens)) return { leftOut: "tokens to join with" };
  if (key.startsWith(nodes)) return { value: encodeObject(heldNode(objectOf(entry), since)) };
  return key.startsWith(applications) ? withFreshDeadline(entry, since) : entry;
}

/** Their deadline does not go on while they are in these, and is put off by how long they were. */
const heldPhases: ReadonlySet<unknown> = new Set(["Paused", "Waiting"]);

/**
 * A rollout that was under way has all of its time again: since the backup nobody could move it on, and
 * one whose deadline has passed would be rolled back before its agents are there.
 */
function withFreshDeadline(entry: Entry, since: string): Restored {
  const application = objectOf(entry);
  const status = objectIn(application, "status");
  const rollout = objectIn(status ?? {}, "rollout") ?? {};
  const { phase, finishedAt, startedAt } = rollout;
  const isUnderWay = startedAt !== undefined && finishedAt === undefined;
  if (!isUnderWay || heldPhases.has(phase)) return entry;
  const moved = { ...status, rollout: { ...rollout, progressedAt: since } };
  return { value: encodeObject({ ...application, status: moved }) };
}

/** Durable writes a second that no server keeps up for long: those since the backup were fewer. */
const writesPerSecond = 2_000;
const [fewestWrites, mostWrites] = [2 ** 20, 2 ** 32];

/**
 * A resourceVersion that no client can have seen before the restore: that of the backup, and more than
 * could be written since. Clocks may be wrong; then a million writes are allowed for.
 * @throws RangeError once revisions would exceed 2^53, after dozens of restores years after the backup
 */
export function greatestSeen({ revision, created, source }: BackupAbout, nowMs: number): number {
  const seconds = Math.max(0, (nowMs - Date.parse(created)) / 1_000);
  const writes = Math.min(mostWrites, Math.max(fewestWrites, Math.ceil(seconds * writesPerSecond)));
  const seen = revision + writes * (source === "embedded" ? volatileSteps : 1);
  if (Number.isSafeInteger(seen)) return seen;
  throw new RangeError(`Cannot restore: resourceVersions would exceed 2^53 (${seen})`);
}
