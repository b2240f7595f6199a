import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isExpired } from "../../../api/machinery/errors.ts";
import { openStore } from "../../../api/store/open.ts";
import { beginRestore } from "../../../api/store/restoring.ts";
import { type EtcdServer, startEtcd } from "../../kit/etcd.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const seen = 65_536 * 1_000_000;

describe.skipIf(skipReason("restores into etcd", missingProgram("etcd")))("etcd", () => {
  let etcd: EtcdServer;
  const url = (prefix: string): string => `etcd://${etcd.host}/${prefix}`;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd[Symbol.asyncDispose]());

  test("a restored prefix counts on behind all that clients may have seen, for every server", async () => {
    {
      await using restore = await beginRestore(url("a"), seen);
      await restore.store.put("/registry/x", bytes("1"), 0);
      await restore.finish();
    }
    await using store = await openStore(url("a"));
    await using other = await openStore(url("a"));
    const at = (await store.get("/registry/x"))?.at ?? 0;
    expect(at).toBeGreaterThan(seen);
    expect((await other.get("/registry/x"))?.at).toBe(at);
    expect((await store.list({ prefix: "" })).entries.map(({ key }) => key)).toEqual([
      "/registry/x",
    ]);
    await expect(store.list({ prefix: "/", at: seen - 5 })).rejects.toSatisfy(isExpired);
    const next = await other.put("/registry/x", bytes("2"), at);
    const watch = store.watch("/", at, AbortSignal.timeout(10_000));
    for await (const { events } of watch) {
      if (events.length === 0) continue;
      expect(events.map((event) => event.at)).toEqual([next]);
      break;
    }
  });

  test("an interrupted restore is refused, begun anew, and never mixed with what is there", async () => {
    const first = await beginRestore(url("b"), seen);
    await first.store.put("/registry/half", bytes("1"), 0);
    await first[Symbol.asyncDispose]();
    await expect(openStore(url("b"))).rejects.toThrow("a restore into it was interrupted");
    {
      await using again = await beginRestore(url("b"), seen);
      expect((await again.store.list({ prefix: "" })).entries).toEqual([]);
      await again.store.put("/registry/whole", bytes("1"), 0);
      await again.finish();
    }
    await expect(beginRestore(url("b"), seen)).rejects.toThrow(
      /it holds 1 keys under the prefix of the URL \(\/registry\/whole/,
    );
    await using store = await openStore(url("b"));
    expect((await store.list({ prefix: "" })).entries).toHaveLength(1);
  });

  test("of two restores at once none is taken for whole", async () => {
    await using first = await beginRestore(url("c"), seen);
    await using second = await beginRestore(url("c"), seen);
    await second.store.put("/registry/x", bytes("2"), 0);
    await expect(first.finish()).rejects.toThrow("somebody else does it, too");
    await expect(openStore(url("c"))).rejects.toThrow("was interrupted");
    await second.finish();
    await using store = await openStore(url("c"));
    expect((await store.list({ prefix: "" })).entries).toHaveLength(1);
  });
});
