import { expect, test } from "vitest";
import type { Output } from "../../agent/engine/engine.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { finish, gather, inspect, type Start, untilPhase } from "./engine-kit.ts";

const sh = (script: string): readonly string[] => ["sh", "-c", script];
const twoStreams = sh("echo one; echo two >&2; echo three");

/** Logs, exec, attach, files and stats. */
export function engineIo(start: Start): void {
  test("logs() keeps the streams apart and ends with an exited container", async () => {
    const { engine, run } = start();
    const id = await run({ Cmd: twoStreams });
    await untilPhase(engine, id, "exited");
    expect(await gather(engine.io.logs(id, {}))).toEqual({
      stdout: "one\nthree\n",
      stderr: "two\n",
    });
    const onlyErrors = engine.io.logs(id, { streams: ["stderr"] });
    expect(await gather(onlyErrors)).toEqual({ stdout: "", stderr: "two\n" });
  });

  test("logs() takes the tail, and prefixes times", async () => {
    const { engine, run } = start();
    const id = await run({ Cmd: sh("echo one; echo two; echo three") });
    await untilPhase(engine, id, "exited");
    expect((await gather(engine.io.logs(id, { tail: 2 }))).stdout).toBe("two\nthree\n");
    expect((await gather(engine.io.logs(id, { tail: 0 }))).stdout).toBe("");
    const { stdout } = await gather(engine.io.logs(id, { tail: 1, timestamps: true }));
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z three\n$/);
  });

  test("logs() gives only what is newer than since", async () => {
    const { engine, run } = start();
    const id = await run({ Cmd: sh("echo early") });
    await untilPhase(engine, id, "exited");
    const hour = 3_600_000;
    const since = (ms: number) => gather(engine.io.logs(id, { sinceMs: ms }));
    expect((await since(Date.now() - hour)).stdout).toBe("early\n");
    expect((await since(Date.now() + hour)).stdout).toBe("");
  });

  test("logs() follows until the container ends", async () => {
    const { engine, run } = start();
    const id = await run({ Image: testImages.web });
    const reading = gather(engine.io.logs(id, { follow: true }));
    await engine.containers.stop(id, 5);
    expect((await reading).stdout).toContain("version v1");
  });

  test("logs() ends without an error when the signal aborts", async () => {
    const { engine, run } = start();
    const id = await run({ Image: testImages.web });
    const controller = new AbortController();
    const seen: Output[] = [];
    for await (const output of engine.io.logs(id, { follow: true }, controller.signal)) {
      seen.push(output);
      controller.abort();
    }
    expect(seen).not.toHaveLength(0);
  });

  test("logs() of a container with a terminal is one stream", async () => {
    const { engine, run } = start();
    const id = await run({ Cmd: twoStreams, Tty: true });
    await untilPhase(engine, id, "exited");
    const { stdout, stderr } = await gather(engine.io.logs(id, {}));
    expect(stdout.replaceAll("\r\n", "\n")).toBe("one\ntwo\nthree\n");
    expect(stderr).toBe("");
  });

  test("logs() and exec() of an absent container are NotFound", async () => {
    const { engine } = start();
    const absent = { reason: "NotFound" };
    await expect(gather(engine.io.logs("absent", {}))).rejects.toMatchObject(absent);
    await expect(engine.io.exec("absent", { command: ["true"] })).rejects.toMatchObject(absent);
  });

  test("exec() gives output and exit code", async () => {
    const { engine, run } = start();
    const id = await run();
    const session = await engine.io.exec(id, { command: sh("echo out; echo err >&2; exit 7") });
    expect(await finish(session)).toEqual({ stdout: "out\n", stderr: "err\n", code: 7 });
  });

  test("exec() passes input on until it ends", async () => {
    const { engine, run } = start();
    const id = await run();
    const session = await engine.io.exec(id, { command: ["cat"], stdin: true });
    const text = "line\n".repeat(20_000);
    expect(await finish(session, text)).toEqual({ stdout: text, stderr: "", code: 0 });
  });

  test("exec() without input reads end-of-file", async () => {
    const { engine, run } = start();
    const id = await run();
    const session = await engine.io.exec(id, { command: ["cat"] });
    expect(await gather(session.output)).toEqual({ stdout: "", stderr: "" });
    expect(await session.exitCode()).toBe(0);
  });

  test("exec() with a terminal merges the streams and takes sizes", async () => {
    const { engine, run } = start();
    const id = await run();
    const session = await engine.io.exec(id, {
      command: sh("echo out; echo err >&2"),
      tty: true,
      stdin: true,
      size: { columns: 100, rows: 30 },
    });
    const { stdout, stderr } = await gather(session.output);
    expect(stdout.replaceAll("\r\n", "\n")).toBe("out\nerr\n");
    expect(stderr).toBe("");
    await session.resize({ columns: 80, rows: 24 }); // gone: no error
  });

  test("a session tells the process id while it runs", async () => {
    const { engine, run } = start();
    const id = await run();
    const session = await engine.io.exec(id, { command: ["cat"], stdin: true });
    const pid = await eventually("it runs", () => session.hostPid());
    expect(pid).toBeGreaterThan(1);
    await finish(session, "");
    await eventually("it is gone", async () => (await session.hostPid()) === undefined);
  });

  test("exec() in a container that does not run is a Conflict", async () => {
    const { engine, create } = start();
    const id = await create();
    await expect(engine.io.exec(id, { command: ["true"] })).rejects.toMatchObject({
      reason: "Conflict",
    });
  });

  test("attach() joins the main process", async () => {
    const { engine, create } = start();
    const id = await create({ Cmd: ["cat"], OpenStdin: true, StdinOnce: true });
    const session = await engine.io.attach(id, { stdin: true });
    await engine.containers.start(id);
    expect(await finish(session, "hello\n")).toMatchObject({ stdout: "hello\n", stderr: "" });
    expect((await untilPhase(engine, id, "exited")).state.exitCode).toBe(0);
  });

  test("putFiles() reaches a container before its start, and a running one", async () => {
    const { engine, create } = start();
    const id = await create();
    const file = (path: string, text: string) => ({ path, content: Buffer.from(text) });
    await engine.io.putFiles(id, [file("/etc/app/conf", "before"), file("/run.txt", "top")]);
    await engine.containers.start(id);
    await engine.io.putFiles(id, [file("/etc/app/more", "after")]);
    const command = ["cat", "/etc/app/conf", "/run.txt", "/etc/app/more"];
    const session = await engine.io.exec(id, { command });
    expect((await finish(session)).stdout).toBe("beforetopafter");
  });

  test("getArchive() gives files back, and NotFound for an absent path", async () => {
    const { engine, create } = start();
    const id = await create();
    await engine.io.putFiles(id, [{ path: "/etc/conf", content: Buffer.from("content") }]);
    const stream = await engine.io.getArchive(id, "/etc/conf");
    const archive = Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>));
    expect(archive.subarray(0, 4).toString()).toBe("conf");
    expect(archive.subarray(512, 519).toString()).toBe("content");
    await expect(engine.io.getArchive(id, "/absent")).rejects.toMatchObject({ reason: "NotFound" });
  });

  test("changes() and statPath() tell what was written", async () => {
    const { engine, create } = start();
    const id = await create();
    await engine.io.putFiles(id, [{ path: "/data/new", content: Buffer.from("content") }]);
    const changes = await engine.io.changes(id);
    expect(changes).toContainEqual({ path: "/data/new", kind: "added" });
    expect(await engine.io.statPath(id, "/data/new")).toMatchObject({ type: "file", size: 7 });
    expect(await engine.io.statPath(id, "/data")).toMatchObject({ type: "directory" });
    expect(await engine.io.statPath(id, "/absent")).toBeUndefined();
    await expect(engine.io.changes("absent")).rejects.toMatchObject({ reason: "NotFound" });
  });

  test("stats() measures what runs, and nothing else", async () => {
    const { engine, run } = start();
    const id = await run();
    const before = await engine.io.stats(id);
    const after = await engine.io.stats(id);
    if (before === undefined || after === undefined) throw new Error("it runs and has no stats");
    expect(before.memory.workingSetBytes).toBeGreaterThan(0);
    expect(before.memory.usageBytes).toBeGreaterThanOrEqual(before.memory.workingSetBytes);
    expect(before.interfaces.map(({ name }) => name)).toEqual(["eth0"]);
    expect(before.pids).toBeGreaterThan(0);
    expect(after.cpuNanos).toBeGreaterThanOrEqual(before.cpuNanos);
    expect(after.atMs).toBeGreaterThanOrEqual(before.atMs);
    await engine.containers.stop(id, 5);
    expect(await engine.io.stats(id)).toBeUndefined();
    expect(await engine.io.stats("absent")).toBeUndefined();
  });

  test("HEALTHCHECK goes from starting over healthy to unhealthy and back", async () => {
    const { engine, run } = start();
    const id = await run({ Image: testImages.health });
    const status = async () => (await inspect(engine, id)).state.health?.status;
    const until = (want: string) => eventually(want, async () => (await status()) === want);
    expect(["starting", "healthy"]).toContain(await status());
    await until("healthy");
    await finish(await engine.io.exec(id, { command: ["touch", "/tmp/sick"] }));
    await until("unhealthy");
    expect((await inspect(engine, id)).state.health?.failingStreak).toBeGreaterThanOrEqual(2);
    await finish(await engine.io.exec(id, { command: ["rm", "/tmp/sick"] }));
    await until("healthy");
  });
}
