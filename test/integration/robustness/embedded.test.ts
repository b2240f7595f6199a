import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { openStore } from "../../../api/store/open.ts";
import { eventually } from "../../kit/eventually.ts";
import { missingRoot, skipReason } from "../../kit/missing.ts";
import { violations } from "../../robustness/check.ts";
import { type Load, startLoad } from "../../robustness/load.ts";
import { type ServerProcess, startServerProcess } from "../../robustness/server.ts";
import { openWitness } from "../../robustness/truth.ts";

/** The embedded store counts its heartbeats between two revisions: see api/store/volatile.ts. */
const scale = 2 ** 16;
const configMaps = "/api/v1/namespaces/default/configmaps";

async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "lighthouse-embedded-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function versionOf(server: ServerProcess): Promise<number> {
  const { body } = await server.open().send("GET", `${configMaps}?limit=1`);
  const { metadata } = body as { readonly metadata: { readonly resourceVersion: string } };
  return Number(metadata.resourceVersion);
}

async function busy({ history }: Load, writes: number): Promise<void> {
  const done = (): boolean => history.writes.length >= writes;
  await eventually(`${writes} writes`, done, { timeoutMs: 60_000 });
}

/** Load and trouble, then the server ends and its store bears witness. */
async function judged(
  name: string,
  dir: string,
  trouble: (server: ServerProcess, load: Load) => Promise<void>,
): Promise<Load["history"]> {
  const url = `lmdb://${dir}`;
  await using server = await startServerProcess(name, { store: url });
  const since = Math.floor((await versionOf(server)) / scale);
  const load = startLoad([server], { name, pauseMs: 3 });
  try {
    await busy(load, 200);
    await trouble(server, load);
    await busy(load, load.history.writes.length + 200);
  } finally {
    await load.stop(() => versionOf(server));
  }
  await server.stop();
  await using store = await openStore(url);
  await using witness = await openWitness(store, { run: name, since, scale });
  await witness.catchUp();
  expect(violations(load.history, witness.changes).slice(0, 20)).toEqual([]);
  return load.history;
}

test("kill -9 of the whole server under load", async () => {
  const dir = join(await temporaryDir(), "store");
  const { writes } = await judged("crash", dir, async (server, load) => {
    for (let round = 0; round < 3; round++) {
      await server.crash();
      await busy(load, load.history.writes.length + 50);
    }
  });
  expect(writes.filter(({ outcome }) => outcome === "done").length).toBeGreaterThan(200);
});

const sh = promisify(execFile);
/** Of the small disk, in bytes. */
const size = 48 << 20;

describe.skipIf(skipReason("a full disk", missingRoot()))("a disk", () => {
  test("that is full for a while: writes are refused, reads go on, nothing is lost", async () => {
    const disk = await temporaryDir();
    await sh("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk]);
    onTestFinished(async () => {
      await sh("umount", ["--lazy", disk]);
    });
    const dir = join(disk, "store");
    await mkdir(dir);
    const { writes, reads } = await judged("full", dir, async (server, load) => {
      const junk = join(disk, "junk");
      await expect(writeFile(junk, Buffer.alloc(size))).rejects.toThrow("ENOSPC");
      const { history } = load;
      const failing = async (): Promise<boolean> =>
        history.writes.slice(-20).every(({ outcome }) => outcome !== "done");
      await eventually("writes fail", failing, { timeoutMs: 60_000 });
      const { length } = history.reads;
      await eventually("reads go on", () => history.reads.length > length + 5);
      expect((await server.open().send("GET", "/version")).code).toBe(200);
      await rm(junk);
    });
    expect(writes.some(({ outcome }) => outcome === "unknown")).toBe(true);
    expect(reads.length).toBeGreaterThan(0);
  });
});
