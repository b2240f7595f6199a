import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { manualClock } from "../../../test/kit/clock.ts";
import { failingAfter } from "../../../test/kit/failing-store.ts";
import { isSealed, sealedWith } from "../../store/encryption/envelope.ts";
import { openLmdbStore } from "../../store/lmdb.ts";
import { memoryStore } from "../../store/memory.ts";
import type { Store } from "../../store/store.ts";
import { type Encryption, openEncryption } from "./encryption.ts";

const log = pino({ level: "silent" });
const secretKey = "/registry/core/secrets/shop/db";
const canary = '{"metadata":{"name":"db"},"data":{"p":"canary-7Jq2"}}';

let root = "";
let stack = new AsyncDisposableStack();
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lighthouse-encryption-"));
  stack = new AsyncDisposableStack();
  stack.defer(() => rm(root, { recursive: true }));
});
afterEach(() => stack.disposeAsync());

type Options = {
  readonly file?: string | undefined;
  readonly shared?: boolean;
  readonly clock?: ReturnType<typeof manualClock>;
};

/** Without a file the default place is below `root`. */
async function open(
  store: Store,
  { file = join(root, "keys.yaml"), shared = false, clock = manualClock() }: Options = {},
): Promise<Encryption> {
  const surroundings = { env: { XDG_CONFIG_HOME: root }, isRoot: false };
  return openEncryption({ store, file, surroundings, shared, clock, log });
}

const start = async (store: Store, options?: Options): Promise<Encryption> =>
  stack.use(await open(store, options));

const raw = async (store: Store, key = secretKey): Promise<Uint8Array> =>
  (await store.get(key))?.value ?? new Uint8Array();

/** Lets the encryption look once more, as time would. */
async function later(clock: ReturnType<typeof manualClock>, encryption: Encryption): Promise<void> {
  await encryption.status();
  await clock.advance(5_000);
  await encryption.status();
}

test("openEncryption() makes a key for its owner alone, and finds it again", async () => {
  const store = memoryStore();
  const file = join(root, "etc", "keys.yaml");
  const first = await open(store, { file });
  await first.store.put(secretKey, Buffer.from(canary), 0);
  await first[Symbol.asyncDispose]();
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(root, "etc"))).mode & 0o777).toBe(0o700);
  expect(await readdir(join(root, "etc"))).toEqual(["keys.yaml"]);
  expect(isSealed(await raw(store))).toBe(true);
  const again = await start(store, { file });
  expect(Buffer.from((await again.store.get(secretKey))?.value ?? []).toString()).toBe(canary);
});

test("openEncryption() has another default place for each store", async () => {
  for (const store of [memoryStore(), memoryStore()]) {
    const surroundings = { env: { XDG_CONFIG_HOME: root }, isRoot: false };
    stack.use(
      await openEncryption({ store, surroundings, shared: false, clock: manualClock(), log }),
    );
  }
  expect(await readdir(join(root, "lighthouse", "encryption"))).toHaveLength(2);
});

test("openEncryption() takes the file that systemd hands over", async () => {
  const given = await start(memoryStore());
  await writeFile(
    join(root, "lighthouse-encryption-keys"),
    await readFile((await given.status()).file),
  );
  await chmod(join(root, "lighthouse-encryption-keys"), 0o600);
  const surroundings = { env: { CREDENTIALS_DIRECTORY: root }, isRoot: true };
  const clock = manualClock();
  const store = memoryStore();
  const taken = stack.use(await openEncryption({ store, surroundings, shared: false, clock, log }));
  expect((await taken.status()).file).toBe(join(root, "lighthouse-encryption-keys"));
});

test.each([
  [
    "is not there",
    async (file: string) => rm(file),
    /encrypted with [0-9a-f]{16}, and .*keys.yaml is not there; restore it/,
  ],
  [
    "is of another store",
    async (file: string) => {
      await rm(file);
      const other = await open(memoryStore());
      await other[Symbol.asyncDispose]();
    },
    /keys.yaml has only [0-9a-f]{16}; add the missing key/,
  ],
  [
    "is damaged",
    async (file: string) => writeFile(file, "secret: [canary"),
    /Cannot use .*keys.yaml: it is no YAML/,
  ],
  [
    "has a key with a wrong letter",
    async (file: string) => {
      const text = await readFile(file, "utf8");
      await writeFile(
        file,
        text.replace(/secret: (.)/, (_all, one) => `secret: ${one === "A" ? "B" : "A"}`),
      );
    },
    /keys\[0\] says id/,
  ],
  [
    "may be read by everybody",
    async (file: string) => chmod(file, 0o644),
    /everybody on this machine may read/,
  ],
])("openEncryption() refuses a file that %s, and writes nothing", async (_what, spoil, message) => {
  const store = memoryStore();
  const first = await open(store);
  await first.store.put(secretKey, Buffer.from(canary), 0);
  await first[Symbol.asyncDispose]();
  const { revision } = await store.head();
  await spoil(join(root, "keys.yaml"));
  const files = await readdir(root);
  const failed = await open(store).then(
    () => "opened",
    (err: Error) => err.message,
  );
  expect(failed).toMatch(message);
  expect(failed).not.toContain("canary");
  expect((await store.head()).revision).toBe(revision);
  expect(await readdir(root)).toEqual(files);
});

test("openEncryption() makes no key over encrypted values that lost their record", async () => {
  const store = memoryStore();
  const first = await open(store);
  await first.store.put(secretKey, Buffer.from(canary), 0);
  await first[Symbol.asyncDispose]();
  const record = await store.get("/lighthouse-encryption");
  await store.delete("/lighthouse-encryption", record?.at ?? 0);
  await rm(join(root, "keys.yaml"));
  await expect(open(store)).rejects.toThrow("is not there");
});

test("openEncryption() lets servers that begin at once share one key", async () => {
  const store = memoryStore();
  const all = await Promise.all([1, 2, 3].map(() => start(store, { shared: true })));
  const ids = await Promise.all(
    all.map(async (one) => (await one.status()).keys.map(({ id }) => id)),
  );
  expect(new Set(ids.flat()).size).toBe(1);
});

test("plain values of before are sealed at the start, and their history goes", async () => {
  const dir = join(root, "store");
  const store = stack.use(await openLmdbStore(dir));
  for (let i = 0; i < 50; i += 1) await store.put(`${secretKey}-${i}`, Buffer.from(canary), 0);
  await store.put("/registry/core/pods/shop/web", Buffer.from("{}"), 0);
  const { revision } = await store.head();
  const encryption = await start(store);
  const status = await encryption.status();
  expect(status).toMatchObject({ plain: 0, unreadable: [], keys: [{ writes: true, values: 50 }] });
  expect((await store.head()).compacted).toBeGreaterThan(revision);
  expect(isSealed(await raw(store, `${secretKey}-7`))).toBe(true);
  expect(Buffer.from(await raw(store, "/registry/core/pods/shop/web")).toString()).toBe("{}");
});

test("rotate() seals everything with a new key, prune() removes the old one", async () => {
  const store = memoryStore();
  const encryption = await start(store);
  await encryption.store.put(secretKey, Buffer.from(canary), 0);
  const [old] = (await encryption.status()).keys;
  const rotated = await encryption.rotate();
  expect(rotated.keys.map(({ writes, values }) => [writes, values])).toEqual([
    [true, 1],
    [false, 0],
  ]);
  expect(sealedWith(await raw(store))).not.toBe(old?.id);
  const pruned = await encryption.prune();
  expect(pruned.keys).toHaveLength(1);
  const text = await readFile(pruned.file, "utf8");
  expect(text).not.toContain(old?.id ?? "nothing");
  expect(Buffer.from((await encryption.store.get(secretKey))?.value ?? []).toString()).toBe(canary);
});

test("prune() takes no key from values of a resource that the file names no more", async () => {
  const store = memoryStore();
  const clock = manualClock();
  const file = join(root, "keys.yaml");
  const configKey = "/registry/core/configmaps/shop/app";
  const encryption = await start(store, { clock });
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace("keys:", 'resources: ["configmaps"]\nkeys:'));
  await later(clock, encryption);
  await encryption.store.put(configKey, Buffer.from(canary), 0);
  expect(isSealed(await raw(store, configKey))).toBe(true);
  await writeFile(file, text);
  await later(clock, encryption);
  await encryption.rotate();
  expect((await encryption.prune()).keys).toHaveLength(1);
  const { value = [] } = (await encryption.store.get(configKey)) ?? {};
  expect(Buffer.from(value).toString()).toBe(canary);
});

test("prune() is refused while such a value needs a key that is missing", async () => {
  const [store, other] = [memoryStore(), memoryStore()];
  const configKey = "/registry/core/configmaps/shop/app";
  const stranger = await start(other, { file: join(root, "other.yaml") });
  await stranger.store.put(secretKey, Buffer.from(canary), 0);
  await store.put(configKey, await raw(other), 0);
  const encryption = await start(store);
  await encryption.rotate();
  await expect(encryption.prune()).rejects.toThrow("older keys are still needed");
  expect((await encryption.status()).keys).toHaveLength(2);
});

test("rotate() keeps a key that was put into the file a moment before", async () => {
  const store = memoryStore();
  const file = join(root, "keys.yaml");
  const stranger = await start(memoryStore(), { file: join(root, "other.yaml") });
  const [added] = (await stranger.status()).keys;
  const text = await readFile(join(root, "other.yaml"), "utf8");
  const encryption = await start(store);
  await encryption.status();
  await writeFile(file, (await readFile(file, "utf8")) + text.slice(text.indexOf("  - id:")));
  await encryption.rotate();
  expect(await readFile(file, "utf8")).toContain(added?.id);
});

test("an older copy of the file in its place loses no key", async () => {
  const store = memoryStore();
  const clock = manualClock();
  const file = join(root, "keys.yaml");
  const encryption = await open(store, { clock });
  const older = await readFile(file, "utf8");
  await encryption.rotate();
  await writeFile(file, older);
  await later(clock, encryption);
  await encryption.store.put(secretKey, Buffer.from(canary), 0);
  const wrote = sealedWith(await raw(store));
  expect(older).not.toContain(wrote);
  expect(await readFile(file, "utf8")).toContain(wrote);
  await encryption[Symbol.asyncDispose]();
  const again = await start(store, { clock });
  expect(Buffer.from((await again.store.get(secretKey))?.value ?? []).toString()).toBe(canary);
});

test("a rotation that was cut off at any write is completed at the next start", async () => {
  for (let allowed = 0; ; allowed += 1) {
    const store = memoryStore();
    const file = join(root, `cut-${allowed}.yaml`);
    const before = await open(store, { file });
    for (let i = 0; i < 3; i += 1)
      await before.store.put(`${secretKey}-${i}`, Buffer.from(canary), 0);
    await before[Symbol.asyncDispose]();
    const old = sealedWith(await raw(store, `${secretKey}-0`));
    const dying = failingAfter(store, allowed);
    const rotating = await open(dying.store, { file });
    const outcome = await rotating.rotate().then(
      () => "done",
      () => "cut off",
    );
    await rotating[Symbol.asyncDispose]();
    const after = await start(store, { file });
    const { keys, plain, unreadable } = await after.status();
    expect({
      plain,
      unreadable,
      values: keys.filter(({ writes }) => writes).map(({ values }) => values),
    }).toEqual({
      plain: 0,
      unreadable: [],
      values: [3],
    });
    expect(keys).toHaveLength(2);
    expect(keys.find(({ writes }) => writes)?.id).not.toBe(old);
    for (let i = 0; i < 3; i += 1) {
      expect(
        Buffer.from((await after.store.get(`${secretKey}-${i}`))?.value ?? []).toString(),
      ).toBe(canary);
    }
    if (outcome === "done") break;
    expect(allowed).toBeLessThan(20);
  }
});

test("several servers: a new key writes once all can read it, and all follow", async () => {
  const store = memoryStore();
  const clock = manualClock();
  const files = ["a", "b"].map((name) => join(root, `${name}.yaml`));
  const [fileA = "", fileB = ""] = files;
  const a = await start(store, { file: fileA, shared: true, clock });
  await expect(open(store, { file: fileB, shared: true, clock })).rejects.toThrow(
    "copy it from another server",
  );
  await copyKeys(fileA, fileB);
  const b = await start(store, { file: fileB, shared: true, clock });
  await b.store.put(secretKey, Buffer.from(canary), 0);
  const old = sealedWith(await raw(store));

  const waiting = await a.rotate();
  expect(waiting.waitingFor).toHaveLength(1);
  expect(waiting.servers).toHaveLength(2);
  expect(sealedWith(await raw(store))).toBe(old);
  await expect(a.rotate()).resolves.toMatchObject({ keys: [{}, {}] });

  await copyKeys(fileA, fileB);
  await later(clock, b);
  await later(clock, a);
  await later(clock, b);
  expect((await a.status()).waitingFor).toEqual([]);
  const renewed = sealedWith(await raw(store));
  expect(renewed).not.toBe(old);
  const { at } = (await store.get(secretKey)) ?? { at: 0 };
  await b.store.put(secretKey, Buffer.from(canary), at);
  expect(sealedWith(await raw(store))).toBe(renewed);
  expect((await a.prune()).keys).toHaveLength(1);
});

test("a server that begins while others change the key does not go on without it", async () => {
  const store = memoryStore();
  const clock = manualClock();
  const [fileA, fileB] = [join(root, "a.yaml"), join(root, "b.yaml")];
  const a = await start(store, { file: fileA, shared: true, clock });
  await copyKeys(fileA, fileB);
  let rotates = true;
  /** The other one changes the key after this one has looked at everything, and before it is known. */
  const racing: Store = {
    ...failingAfter(store, Number.POSITIVE_INFINITY).store,
    async put(key, value, expected, guard) {
      if (rotates) await a.rotate();
      rotates = false;
      return store.put(key, value, expected, guard);
    },
  };
  await expect(open(racing, { file: fileB, shared: true, clock })).rejects.toThrow(
    "add the missing key",
  );
  expect((await a.status()).servers).toHaveLength(1);
});

async function copyKeys(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await writeFile(to, await readFile(from), { mode: 0o600 });
}

test("a server that went away is not waited for", async () => {
  const store = memoryStore();
  const clock = manualClock();
  const a = await start(store, { shared: true, clock });
  const gone = await open(store, { shared: true, clock });
  const file = join(root, "keys.yaml");
  await copyKeys(file, `${file}.copy`);
  await gone[Symbol.asyncDispose]();
  expect((await a.status()).servers).toHaveLength(1);
  const silent = { host: "dead", keys: [], writes: "", beat: 1 };
  await store.put("/lighthouse-encryption-servers/dead", Buffer.from(JSON.stringify(silent)), 0);
  expect((await a.rotate()).waitingFor).toEqual(["dead"]);
  for (let i = 0; i < 14; i += 1) await later(clock, a);
  const { waitingFor, servers, keys } = await a.status();
  expect({ waitingFor, servers: servers.length, writes: keys[0]?.writes }).toEqual({
    waitingFor: [],
    servers: 1,
    writes: true,
  });
});

test("a damaged value is named in the status, and can be discarded alone", async () => {
  const store = memoryStore();
  const encryption = await start(store);
  const at = await encryption.store.put(secretKey, Buffer.from(canary), 0);
  await encryption.store.put(`${secretKey}-2`, Buffer.from(canary), 0);
  const damaged = Buffer.from(await raw(store));
  damaged[60] = (damaged[60] ?? 0) ^ 1;
  await store.put(secretKey, damaged, at);
  expect((await encryption.status()).unreadable).toEqual([secretKey]);
  await expect(encryption.discard(`${secretKey}-2`)).rejects.toThrow("it can be read");
  await expect(encryption.discard("/registry/core/pods/a/b")).rejects.toThrow("not found");
  await encryption.discard(secretKey);
  expect(await store.get(secretKey)).toBeUndefined();
  expect((await encryption.status()).unreadable).toEqual([]);
});
