import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { annotation } from "../../../crds/labels.ts";
import { type BackupRecord, decodeRecords, encodeRecord } from "../../backup/records.ts";
import { encodeObject, itemOf } from "../../store/item.ts";
import { storeKey } from "../../store/keys.ts";
import { memoryStore } from "../../store/memory.ts";
import { openStore } from "../../store/open.ts";
import { beginRestore } from "../../store/restoring.ts";
import type { Store } from "../../store/store.ts";
import { restoreBackup, type RestoreOptions } from "./restore.ts";
import { greatestSeen, restoredEntry } from "./restored-entry.ts";
import { type BackupSource, takeBackup } from "./take-backup.ts";

const nowMs = Date.parse("2026-11-21T20:00:00Z");

type Sample = { readonly group?: string; readonly plural: string; readonly kind: string };
const samples = {
  namespace: { plural: "namespaces", kind: "Namespace" },
  node: { plural: "nodes", kind: "Node" },
  secret: { plural: "secrets", kind: "Secret" },
  configMap: { plural: "configmaps", kind: "ConfigMap" },
  lease: { group: "coordination.k8s.io", plural: "leases", kind: "Lease" },
  session: { group: "lighthouse.dev", plural: "sessions", kind: "Session" },
} satisfies Record<string, Sample>;

async function add(
  store: Store,
  sample: Sample,
  name: string,
  namespace?: string,
): Promise<string> {
  const { group = "", plural, kind } = sample;
  const key = storeKey({ group, plural }, namespace === undefined ? { name } : { namespace, name });
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }), uid: `uid-${name}` };
  await store.put(key, encodeObject({ apiVersion: "v1", kind, metadata }), 0);
  return key;
}

async function filled(): Promise<Store> {
  const store = memoryStore();
  await add(store, samples.namespace, "kube-system");
  await add(store, samples.node, "host-1");
  await add(store, samples.secret, "password", "shop");
  await add(store, samples.secret, "bootstrap-token-abcdef", "kube-system");
  await add(store, samples.lease, "leader", "kube-system");
  await add(store, samples.session, "ann-1");
  for (let i = 0; i < 250; i += 1) await add(store, samples.configMap, `c-${i}`, "shop");
  return store;
}

const files = [
  { name: "ca.crt", value: Buffer.from("certificate") },
  { name: "ca.key", value: Buffer.from("key") },
  { name: "service-account.key", value: Buffer.from("signs") },
];

const sourceOf = (store: BackupSource["store"]): BackupSource => ({
  store,
  shared: false,
  files: async () => files,
  settings: { auditPolicy: "/etc/audit.yaml" },
  version: "0.1.0",
  nowMs: () => nowMs,
});

async function recordsOf(source: BackupSource): Promise<readonly BackupRecord[]> {
  const { signal } = new AbortController();
  const records: BackupRecord[] = [];
  for await (const record of decodeRecords(takeBackup(source, signal))) {
    records.push(record);
    if (record.type === "failure") break;
  }
  return records;
}

async function tempDir(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "lighthouse-backup-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return join(root, "data");
}

type Way = { readonly dataDir: string; readonly records: readonly BackupRecord[] };

function optionsOf({ dataDir, records }: Way): RestoreOptions {
  return {
    async *read() {
      yield* records;
    },
    dataDir,
    begin: (seen) => beginRestore(`lmdb://${dataDir}/store`, seen),
    encrypted: async (store) => ({ store, [Symbol.asyncDispose]: async () => {} }),
    nowMs: nowMs + 60_000,
  };
}

const sameAs = async (dataDir: string, name: string): Promise<string> =>
  readFile(join(dataDir, "pki", name), "utf8");

test("takeBackup() tells what it is of, and leaves out who leads", async () => {
  const records = await recordsOf(sourceOf(await filled()));
  expect(records[0]).toEqual({
    type: "about",
    about: {
      product: "0.1.0",
      cluster: "uid-kube-system",
      revision: 256,
      created: "2026-11-21T20:00:00Z",
      source: "embedded",
    },
  });
  expect(records.at(-1)).toEqual({ type: "end", entries: 255, files: 3 });
  const leases = records.filter((one) => one.type === "entry" && one.key.includes("/leases/"));
  expect(leases).toEqual([]);
});

test("takeBackup() shows one revision while others write", async () => {
  const store = await filled();
  const late: Pick<Store, "get" | "list"> = {
    get: (key) => store.get(key),
    async list(range) {
      const page = await store.list(range);
      await add(store, samples.configMap, `late-${page.entries.length}-${range.after ?? ""}`, "z");
      const first = await store.get("/registry/core/configmaps/shop/c-99");
      if (first !== undefined) await store.delete(first.key, first.at);
      return page;
    },
  };
  const records = await recordsOf(sourceOf(late));
  const keys = records.flatMap((one) => (one.type === "entry" ? [one.key] : []));
  expect(keys.filter((key) => key.includes("late"))).toEqual([]);
  expect(keys).toContain("/registry/core/configmaps/shop/c-99");
  expect(keys).toHaveLength(255);
});

test("takeBackup() says when a compaction overtook it", async () => {
  const store = await filled();
  const records = await recordsOf(
    sourceOf({
      get: (key) => store.get(key),
      async list(range) {
        const page = await store.list(range);
        await add(store, samples.configMap, `late-${range.after?.length ?? 0}`, "z");
        await store.compact((await store.head()).revision);
        return page;
      },
    }),
  );
  expect(records.at(-1)).toMatchObject({ type: "failure", again: true });
  expect(records.some(({ type }) => type === "end")).toBe(false);
});

test("takeBackup() fails for a value that nobody can read", async () => {
  const store = await filled();
  const records = await recordsOf(
    sourceOf({
      get: (key) => store.get(key),
      list: async (range) => {
        expect(range.complete).toBe(true);
        throw new Error("the key is not here: 5f1e");
      },
    }),
  );
  // The words are the log's: they may name what is stored.
  expect(records).toEqual([
    { type: "failure", message: "the server could not read all of it, see its log", again: false },
  ]);
});

test("restoreBackup() brings back every object with its uid, and the server's keys", async () => {
  const dataDir = await tempDir();
  const source = await filled();
  const records = await recordsOf(sourceOf(source));
  const report = await restoreBackup(optionsOf({ dataDir, records }));
  expect(report.entries).toBe(253);
  expect(report.leftOut).toEqual({ sessions: 1, "tokens to join with": 1 });
  expect(await sameAs(dataDir, "ca.key")).toBe("key");
  expect((await stat(join(dataDir, "pki", "ca.key"))).mode & 0o777).toBe(0o600);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  await using store = await openStore(`lmdb://${dataDir}/store`);
  const before = await source.list({ prefix: "/registry/core/configmaps/" });
  const after = await store.list({ prefix: "/registry/core/configmaps/shop/" });
  expect(after.entries.map(({ key, value }) => [key, Buffer.from(value).toString()])).toEqual(
    before.entries.map(({ key, value }) => [key, Buffer.from(value).toString()]),
  );
  const seen = greatestSeen(report.about, nowMs);
  expect((after.entries[0]?.at ?? 0) * 65_536).toBeGreaterThan(seen);
});

test("restoreBackup() puts all Nodes on hold", async () => {
  const dataDir = await tempDir();
  const records = await recordsOf(sourceOf(await filled()));
  await restoreBackup(optionsOf({ dataDir, records }));
  await using store = await openStore(`lmdb://${dataDir}/store`);
  const node = await store.get("/registry/core/nodes/host-1");
  const { metadata } = itemOf("", node?.value ?? Buffer.alloc(0), 1).object;
  expect(metadata.annotations?.[annotation.holdUnknown]).toBe("2026-11-21T20:01:00Z");
  expect(metadata.uid).toBe("uid-host-1");
  expect(await store.get("/registry/core/configmaps/lighthouse-system/restored")).toBeDefined();
});

test("restoreBackup() leaves alone what is there", async () => {
  const dataDir = await tempDir();
  const records = await recordsOf(sourceOf(await filled()));
  await restoreBackup(optionsOf({ dataDir, records }));
  await expect(restoreBackup(optionsOf({ dataDir, records }))).rejects.toThrow(
    "it holds a store already",
  );
  const other = await tempDir();
  await mkdir(join(other, "pki"), { recursive: true });
  await writeFile(join(other, "pki", "ca.key"), "of another cluster");
  await expect(restoreBackup(optionsOf({ dataDir: other, records }))).rejects.toThrow(
    "ca.key is that of another cluster",
  );
  const third = await tempDir();
  await mkdir(third);
  await writeFile(join(third, "thesis.txt"), "");
  await expect(restoreBackup(optionsOf({ dataDir: third, records }))).rejects.toThrow("thesis.txt");
});

test("a restore that ended midway is refused by the server and begun again", async () => {
  const dataDir = await tempDir();
  const records = await recordsOf(sourceOf(await filled()));
  let pass = 0;
  const cut: RestoreOptions = {
    ...optionsOf({ dataDir, records }),
    async *read() {
      pass += 1;
      yield* pass === 1 ? records : records.slice(0, 150);
      if (pass > 1) throw new Error("power cut");
    },
  };
  await expect(restoreBackup(cut)).rejects.toThrow("power cut");
  await expect(openStore(`lmdb://${dataDir}/store`)).rejects.toThrow("was interrupted");
  expect(await readdir(dataDir)).toEqual(["store"]);
  expect((await restoreBackup(optionsOf({ dataDir, records }))).entries).toBe(253);
  await using store = await openStore(`lmdb://${dataDir}/store`);
  expect((await store.list({ prefix: "/registry/core/configmaps/shop/" })).entries).toHaveLength(
    250,
  );
});

test.each([
  [
    "a file that leads elsewhere",
    { type: "file", name: "../../etc/cron.d/x", value: files[0]?.value },
  ],
  ["a file that is too large", { type: "file", name: "x.crt", value: Buffer.alloc(2 << 20) }],
  ["where an audit log ended", { type: "file", name: "audit.head", value: files[0]?.value }],
  ["a file that begins with a dot", { type: "file", name: "..", value: files[0]?.value }],
  ["a key beside the objects", { type: "entry", key: "/lighthouse-encryption" }],
  ["a key that is none", { type: "entry", key: "registry/\0" }],
])("restoreBackup() writes nothing of a backup with %s", async (_why, wrong) => {
  const dataDir = await tempDir();
  const records = [...(await recordsOf(sourceOf(await filled())))];
  const value = Buffer.from("{}");
  records.splice(3, 0, { at: 1, createdAt: 1, value, ...wrong } as BackupRecord);
  await expect(restoreBackup(optionsOf({ dataDir, records }))).rejects.toThrow("Cannot");
  await expect(stat(dataDir)).rejects.toThrow("ENOENT");
});

test("restoreBackup() holds no more files in memory than a server has", async () => {
  const records = [...(await recordsOf(sourceOf(await filled())))];
  const many = Array.from({ length: 250 }, (_, i): BackupRecord => {
    return { type: "file", name: `${i}.crt`, value: Buffer.from("x") };
  });
  records.splice(3, 0, ...many);
  const dataDir = await tempDir();
  await expect(restoreBackup(optionsOf({ dataDir, records }))).rejects.toThrow(
    "more than 200 files",
  );
});

test.each([
  ["under way", { phase: "Rolling" }, true],
  ["paused", { phase: "Paused" }, false],
  ["over", { phase: "Completed", finishedAt: "2026-11-20T09:00:00.000000Z" }, false],
])("restoredEntry() gives a rollout that was %s its time", (_what, rollout, isFresh) => {
  const before = "2026-11-20T08:00:00.000000Z";
  const application = {
    metadata: { name: "web", uid: "1" },
    spec: { slots: 3 },
    status: { phase: "x", rollout: { startedAt: before, progressedAt: before, ...rollout } },
  };
  const value = Buffer.from(JSON.stringify(application));
  const key = "/registry/lighthouse.dev/applications/shop/web";
  const since = "2026-11-21T20:01:00Z";
  const restored = restoredEntry({ type: "entry", key, value, at: 1, createdAt: 1 }, since);
  if ("leftOut" in restored) throw new Error("it is left out");
  expect(JSON.parse(Buffer.from(restored.value).toString())).toEqual({
    ...application,
    status: {
      ...application.status,
      rollout: { ...application.status.rollout, progressedAt: isFresh ? since : before },
    },
  });
});

test("greatestSeen() allows for what was written since the backup", () => {
  const about = { product: "", cluster: "", revision: 1_000, created: "2026-11-21T20:00:00Z" };
  const shared = { ...about, source: "shared" } as const;
  const embedded = { ...about, source: "embedded" } as const;
  expect(greatestSeen(shared, nowMs)).toBe(1_000 + 2 ** 20);
  expect(greatestSeen(shared, nowMs - 5_000_000)).toBe(1_000 + 2 ** 20);
  expect(greatestSeen(shared, nowMs + 86_400_000)).toBe(1_000 + 2_000 * 86_400);
  expect(greatestSeen(embedded, nowMs)).toBe(1_000 + 2 ** 36);
  const late = { ...embedded, revision: Number.MAX_SAFE_INTEGER - 5 };
  expect(() => greatestSeen(late, nowMs)).toThrow("2^53");
});

test("encodeRecord() keeps the revisions of entries", async () => {
  const entry: BackupRecord = {
    type: "entry",
    key: "/registry/a/b/c",
    value: Buffer.from("{}"),
    at: 2 ** 52,
    createdAt: 65_536,
  };
  const about = { product: "", cluster: "", revision: 0, created: "2026-11-21T20:00:00Z" };
  async function* bytes(): AsyncGenerator<Buffer> {
    yield encodeRecord({ type: "about", about: { ...about, source: "shared" } });
    yield encodeRecord(entry);
    yield encodeRecord({ type: "end", entries: 1, files: 0 });
  }
  expect((await Array.fromAsync(decodeRecords(bytes())))[1]).toEqual(entry);
});
