import type { IKeyValue } from "etcd3";
import { internal, unavailable } from "../machinery/errors.ts";
import type { EtcdClient } from "./etcd-client.ts";
import type { EtcdKeys } from "./etcd-keys.ts";
import type { Revision } from "./store.ts";

/**
 * Where the history of a store on etcd begins. etcd counts its revisions by itself, and nobody can set
 * them: what a restore would have set is kept beside the data, for every server that opens it.
 */
export type Origin = {
  /** Added to etcd's revisions, see `withShift`. Integer, 0 or more. */
  readonly shift: Revision;
  /** Only a part of the data is there: a restore goes on, or was interrupted. */
  readonly restoring: boolean;
};

type Stored = { readonly origin: Origin; readonly modRevision: number };

/** @throws StatusError `InternalError` if it is there and cannot be read */
async function read(client: EtcdClient, { origin }: EtcdKeys): Promise<Stored | undefined> {
  const { kvs } = await client.range({ key: origin });
  const [kv] = kvs;
  if (kv === undefined) return undefined;
  try {
    const { shift, restoring } = JSON.parse(kv.value.toString()) as Partial<Origin>;
    if (Number.isSafeInteger(shift) && typeof restoring === "boolean") {
      const modRevision = Number(kv.mod_revision);
      return { origin: { shift: Number(shift), restoring }, modRevision };
    }
  } catch {
    // Told below.
  }
  throw internal(`Cannot read the store on etcd at ${client.hosts}: its origin is damaged`);
}

/** The shift of a store that may be opened. @throws StatusError if a restore was interrupted */
export async function shiftOf(client: EtcdClient, keys: EtcdKeys): Promise<Revision> {
  const stored = await read(client, keys);
  if (stored?.origin.restoring !== true) return stored?.origin.shift ?? 0;
  throw unavailable(
    `Cannot open the store on etcd at ${client.hosts}: a restore into it was interrupted; run "lighthouse restore" again`,
  );
}

async function write(client: EtcdClient, keys: EtcdKeys, origin: Origin, after: number) {
  const request_put = { key: keys.origin, value: Buffer.from(JSON.stringify(origin)) };
  const answer = await client.txn({
    compare: [{ key: keys.origin, target: "Mod", result: "Equal", mod_revision: String(after) }],
    success: [{ request_put }],
  });
  if (answer.succeeded) return Number(answer.header.revision);
  throw unavailable(`Cannot restore into etcd at ${client.hosts}: somebody else does it, too`);
}

/** A restore into etcd that has begun. */
export type BegunOrigin = {
  readonly shift: Revision;
  /** From now on the store may be opened. @throws StatusError if another restore began meanwhile */
  finish(): Promise<void>;
};

/**
 * Claims a prefix of etcd for a restore: it must hold nothing, or what an interrupted restore left,
 * which is removed. Revisions will be greater than `seen`.
 */
export async function beginOrigin(
  client: EtcdClient,
  keys: EtcdKeys,
  seen: Revision,
): Promise<BegunOrigin> {
  const before = await read(client, keys);
  const everything = keys.range("");
  if (before?.origin.restoring !== true) await requireEmpty(client, keys);
  const { header } = await client.range({ key: keys.marker, count_only: true });
  const wanted = seen + 1 - Number(header.revision);
  const shift = Math.max(0, wanted, before?.origin.shift ?? 0);
  const begun = await write(client, keys, { shift, restoring: true }, before?.modRevision ?? 0);
  await client.txn({ success: [{ request_delete_range: everything }] });
  return {
    shift,
    async finish() {
      await write(client, keys, { shift, restoring: false }, begun);
    },
  };
}

async function requireEmpty(client: EtcdClient, keys: EtcdKeys): Promise<void> {
  const { kvs, count } = await client.range({ ...keys.range(""), limit: 3, keys_only: true });
  if (Number(count) === 0) return;
  const shown = kvs.map((kv: IKeyValue) => keys.fromEtcd(kv.key) ?? "").join(", ");
  throw unavailable(
    `Cannot restore into etcd at ${client.hosts}: it holds ${count} keys under the prefix of the URL (${shown}…); ` +
      "choose another prefix, e.g. etcd://HOST:2379/restored, or remove them",
  );
}
