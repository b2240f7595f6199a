import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { isUnavailable } from "../../../api/machinery/errors.ts";
import { openLmdbStore } from "../../../api/store/lmdb.ts";
import { missingRoot, skipReason } from "../../kit/missing.ts";
import { mustRun } from "../../kit/run.ts";
import { contained, expectNothingLost, startWriter } from "./crash.ts";

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "lighthouse-store-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

describe("kill -9", () => {
  test("in the middle of 64 writers loses no acknowledged write and invents none", async () => {
    const dir = join(await tempDir(), "store");
    let since = 0;
    for (let round = 0; round < 3; round++) {
      const writer = await startWriter(`lmdb://${dir}`, 2_000 + round * 777);
      await writer.kill();
      await using store = await openLmdbStore(dir);
      await expectNothingLost(store, await writer.acknowledged(), since);
      since = (await store.head()).revision;
    }
  });

  test("during a compaction leaves a store that finishes it", async () => {
    const dir = join(await tempDir(), "store");
    const writer = await startWriter(`lmdb://${dir}`, 3_000);
    await writer.kill();
    const first = await openLmdbStore(dir);
    const { revision } = await first.head();
    const before = await first.list({ prefix: "/" });
    const compacting = first.compact(revision);
    const outcome = compacting.catch((err: unknown) => err);
    await first[Symbol.asyncDispose](); // between two steps, as a crash would
    expect(await outcome).toSatisfy((err: unknown) => err === undefined || isUnavailable(err));
    await using store = await openLmdbStore(dir);
    expect((await store.list({ prefix: "/" })).entries).toEqual(before.entries);
    await store.compact(revision);
    expect(await store.head()).toEqual({ revision, compacted: revision });
    expect((await store.list({ prefix: "/" })).entries).toEqual(before.entries);
  });
});

describe("lock", () => {
  test("a second process is told which directory and which process, and breaks nothing", async () => {
    const dir = join(await tempDir(), "store");
    await using store = await openLmdbStore(dir);
    const at = await store.put("/a", Buffer.from("1"), 0);
    const second = spawnWriter(dir);
    const { code, stderr } = await second;
    expect(code).not.toBe(0);
    expect(stderr).toContain(`Cannot open the store in ${dir}: process ${process.pid} is using it`);
    expect(await store.put("/a", Buffer.from("2"), at)).toBe(at + 1);
  });

  test("a second store of the same process is refused too", async () => {
    const dir = join(await tempDir(), "store");
    await using store = await openLmdbStore(dir);
    await expect(openLmdbStore(dir)).rejects.toThrow(`this process (pid ${process.pid})`);
    expect(await store.put("/a", Buffer.from("1"), 0)).toBe(1);
  });

  test("a killed process leaves no lock behind", async () => {
    const dir = join(await tempDir(), "store");
    const writer = await startWriter(`lmdb://${dir}`, 64);
    await expect(openLmdbStore(dir)).rejects.toSatisfy(isUnavailable);
    await writer.kill();
    await using store = await openLmdbStore(dir);
    expect((await store.list({ prefix: "/crash/" })).entries).toHaveLength(64);
  });
});

describe.skipIf(skipReason("locks between containers", missingRoot()))("containers", () => {
  test("see each other's lock on a shared volume, and outlive each other's crash", async () => {
    const dir = join(await tempDir(), "store");
    const url = `lmdb://${dir}`;
    const first = await startWriter(url, 64, contained);
    await expect(startWriter(url, 64, contained)).rejects.toThrow(
      "process 1 of another container is using it",
    );
    await expect(openLmdbStore(dir)).rejects.toThrow("process 1 of another container is using it");
    await first.kill();
    const second = await startWriter(url, 64, contained);
    await second.kill();
    await using store = await openLmdbStore(dir);
    expect((await store.list({ prefix: "/crash/" })).entries).toHaveLength(64);
  });
});

function spawnWriter(dir: string): Promise<{ code: number | null; stderr: string }> {
  const script = new URL("writer.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, `lmdb://${dir}`, "/dev/null"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve) => {
    child.on("close", (code) => {
      resolve({ code, stderr });
    });
  });
}

describe.skipIf(skipReason("a full disk", missingRoot()))("full disk", () => {
  test("writes say what to do, reads go on, and writes resume when there is space", async () => {
    const disk = await tempDir();
    await mustRun(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
    onTestFinished(async () => void (await mustRun(["umount", "-l", disk])));
    await using store = await openLmdbStore(join(disk, "store"));
    const value = Buffer.alloc(10_000, 7);
    let written = 0;
    const fill = async (): Promise<never> => {
      for (;;) {
        await store.put(`/k/${written}`, value, 0);
        written += 1;
      }
    };
    const full = /^Cannot write to the store in .*: the disk is full; free some space there/;
    await expect(fill()).rejects.toThrow(full);
    const refused = await Promise.allSettled(
      Array.from({ length: 64 }, (_, i) => store.put(`/x/${i}`, value, 0)),
    );
    for (const result of refused) {
      expect(result.status === "rejected" && result.reason).toSatisfy(isUnavailable);
    }
    expect((await store.list({ prefix: "/" })).entries).toHaveLength(written);
    expect((await store.head()).revision).toBe(written);
    const fresh = openLmdbStore(join(disk, "fresh"));
    await expect(fresh).rejects.toThrow(/^Cannot open the store in .*: the disk is full/);
    await mustRun(["mount", "-o", "remount,size=16m", disk]);
    expect(await store.put("/after", value, 0)).toBe(written + 1);
    expect((await store.list({ prefix: "/" })).entries).toHaveLength(written + 1);
  });
});
