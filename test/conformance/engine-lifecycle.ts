import { expect, test } from "vitest";
import { testImages } from "../kit/images.ts";
import { eventually } from "../kit/eventually.ts";
import { freshName, inspect, type Start, untilPhase } from "./engine-kit.ts";

/** Create to remove, and everything that can be in the way. */
export function engineLifecycle(start: Start): void {
  test("info() tells who the engine is, the same each time", async () => {
    const { engine } = start();
    const info = await engine.info();
    expect(info.id).not.toBe("");
    expect(info.apiVersion).toMatch(/^1\.\d+$/);
    expect(info.os).toBe("linux");
    expect(info.arch).toMatch(/^(amd64|arm64)$/);
    expect(info.cpus).toBeGreaterThanOrEqual(1);
    expect(info.memoryBytes).toBeGreaterThan(0);
    expect((await engine.info()).id).toBe(info.id);
  });

  test("ping() resolves while the engine answers", async () => {
    await expect(start().engine.ping()).resolves.toBeUndefined();
  });

  test("a container goes from created over running to exited, then is gone", async () => {
    const { engine, create } = start();
    const name = freshName();
    const before = Date.now();
    const id = await create({ Labels: { app: "web" } }, name);
    const created = await inspect(engine, id);
    expect(created).toMatchObject({ id, name, image: testImages.silent, labels: { app: "web" } });
    expect(created.state).toMatchObject({ phase: "created", pid: 0 });
    expect(created.createdAtMs).toBeGreaterThan(before - 5_000);
    await engine.containers.start(id);
    const running = await inspect(engine, id);
    expect(running.state.phase).toBe("running");
    expect(running.state.pid).toBeGreaterThan(0);
    expect(running.state.startedAtMs).toBeGreaterThan(before - 5_000);
    await engine.containers.stop(id, 5);
    const stopped = await inspect(engine, id);
    expect(stopped.state).toMatchObject({ phase: "exited", exitCode: 0, pid: 0 });
    expect(stopped.state.finishedAtMs).toBeGreaterThan(before - 5_000);
    await engine.containers.remove(id);
    expect(await engine.containers.inspect(id)).toBeUndefined();
  });

  test("inspect() tells the limits that a container was given", async () => {
    const { engine, create } = start();
    const HostConfig = { Memory: 64 << 20, NanoCpus: 5e8, CpuShares: 512 };
    expect((await inspect(engine, await create({ HostConfig }))).limits).toEqual({
      memoryBytes: 64 << 20,
      memoryReservationBytes: 0,
      cpuShares: 512,
      cpuQuotaMicros: 50_000,
      cpuPeriodMicros: 100_000,
    });
    expect((await inspect(engine, await create())).limits).toMatchObject({
      memoryBytes: 0,
      cpuQuotaMicros: 0,
    });
  });

  test("start, stop, kill and remove resolve when it is already so", async () => {
    const { engine, run } = start();
    const id = await run();
    await engine.containers.start(id);
    await engine.containers.stop(id, 5);
    await engine.containers.stop(id, 5);
    await engine.containers.kill(id, "SIGKILL");
    await engine.containers.remove(id);
    await engine.containers.remove(id);
    await engine.containers.stop(id, 5);
    await engine.containers.kill(id, "SIGKILL");
    await expect(engine.containers.start(id)).rejects.toMatchObject({ reason: "NotFound" });
  });

  test("stop() kills what ignores its signal, after the grace period", async () => {
    const { engine, run } = start();
    const id = await run({ Cmd: ["sleep", "1000"] }); // as PID 1 it has no handler for SIGTERM
    const before = performance.now();
    await engine.containers.stop(id, 1);
    expect(performance.now() - before).toBeGreaterThan(900);
    expect((await inspect(engine, id)).state).toMatchObject({ phase: "exited", exitCode: 137 });
  });

  test("kill() sends the signal", async () => {
    const { engine, run } = start();
    const id = await run();
    await engine.containers.kill(id, "SIGKILL");
    expect((await untilPhase(engine, id, "exited")).state.exitCode).toBe(137);
  });

  test("a process that fails leaves its exit code", async () => {
    const { engine, run } = start();
    const id = await run({ Image: testImages.crash });
    const { state } = await untilPhase(engine, id, "exited");
    expect(state).toMatchObject({ exitCode: 1, oomKilled: false, error: "" });
  });

  test("the engine's restart policy restarts and counts", async () => {
    const { engine, run } = start();
    const RestartPolicy = { Name: "on-failure", MaximumRetryCount: 2 } as const;
    const id = await run({ Image: testImages.crash, HostConfig: { RestartPolicy } });
    const detail = await eventually("it gave up", async () => {
      const now = await inspect(engine, id);
      return now.restartCount === 2 && now.state.phase === "exited" ? now : undefined;
    });
    expect(detail.state.exitCode).toBe(1);
  });

  test("list() finds by labels, stopped containers too", async () => {
    const { engine, create, run } = start();
    const mark = freshName();
    const first = await create({ Labels: { mark, tier: "a" } });
    const second = await run({ Labels: { mark, tier: "b" } });
    await create({ Labels: { other: mark } });
    const ids = async (labels: Readonly<Record<string, string>>): Promise<readonly string[]> =>
      (await engine.containers.list(labels)).map(({ id }) => id).sort();
    expect(await ids({ mark })).toEqual([first, second].sort());
    expect(await ids({ mark, tier: "b" })).toEqual([second]);
    expect(await ids({ mark, tier: "" })).toEqual([first, second].sort());
    expect(await ids({ mark: `${mark}x` })).toEqual([]);
    const all = await engine.containers.list();
    expect(all.find(({ id }) => id === second)).toMatchObject({
      phase: "running",
      image: testImages.silent,
      labels: { mark, tier: "b" },
    });
  });

  test("create() names the container that holds the name, and leaves it alone", async () => {
    const { engine, run, create } = start();
    const name = freshName();
    const holder = await run({ Labels: { owner: "somebody" } }, name);
    await expect(create({}, name)).rejects.toMatchObject({
      reason: "AlreadyExists",
      message: expect.stringContaining(holder.slice(0, 12)) as string,
    });
    expect((await inspect(engine, name)).labels).toEqual({ owner: "somebody" });
  });

  test("create() of an absent image is NotFound, and pulls nothing", async () => {
    const { create } = start();
    await expect(create({ Image: "lh/absent:v9" })).rejects.toMatchObject({
      reason: "NotFound",
      message: expect.stringContaining("lh/absent:v9") as string,
    });
  });

  test("create() of a spec that the engine refuses is Invalid", async () => {
    const { create } = start();
    await expect(create({ HostConfig: { Memory: 1 } })).rejects.toMatchObject({
      reason: "Invalid",
    });
  });

  test("start() of a command that does not exist says so", async () => {
    const { engine, create } = start();
    const id = await create({ Cmd: ["/no/such/program"] });
    await expect(engine.containers.start(id)).rejects.toMatchObject({
      reason: "Invalid",
      message: expect.stringContaining("/no/such/program") as string,
    });
    expect((await inspect(engine, id)).state.phase).not.toBe("running");
  });

  test("remove() refuses a running container unless forced", async () => {
    const { engine, run } = start();
    const id = await run();
    await expect(engine.containers.remove(id)).rejects.toMatchObject({ reason: "Conflict" });
    expect((await inspect(engine, id)).state.phase).toBe("running");
    await engine.containers.remove(id, { force: true });
    expect(await engine.containers.inspect(id)).toBeUndefined();
  });

  test("concurrent removes of one container all resolve", async () => {
    const { engine, run } = start();
    const id = await run();
    const remove = (): Promise<void> => engine.containers.remove(id, { force: true });
    await Promise.all([remove(), remove(), remove()]);
    expect(await engine.containers.inspect(id)).toBeUndefined();
  });

  test("rename() frees the old name and refuses a taken one", async () => {
    const { engine, create } = start();
    const [old, taken, fresh] = [freshName(), freshName(), freshName()];
    const id = await create({}, old);
    const other = await create({}, taken);
    await expect(engine.containers.rename(id, taken)).rejects.toMatchObject({
      reason: "AlreadyExists",
      message: expect.stringContaining(other.slice(0, 12)) as string,
    });
    await engine.containers.rename(id, fresh);
    expect((await inspect(engine, fresh)).id).toBe(id);
    expect(await engine.containers.inspect(old)).toBeUndefined();
    await create({}, old);
  });

  test("many creates and starts at once all succeed", async () => {
    const { engine, run } = start();
    const mark = freshName();
    await Promise.all(Array.from({ length: 12 }, () => run({ Labels: { mark } })));
    const rows = await engine.containers.list({ mark });
    expect(rows.map(({ phase }) => phase)).toEqual(Array.from({ length: 12 }, () => "running"));
  });

  test("an aborted signal rejects with its reason", async () => {
    const { engine, run } = start();
    const id = await run({ Cmd: ["sleep", "1000"] });
    const controller = new AbortController();
    const stopping = engine.containers.stop(id, 60, controller.signal);
    setImmediate(() => controller.abort(new Error("changed my mind")));
    await expect(stopping).rejects.toThrow("changed my mind");
    const gone = AbortSignal.abort(new Error("too late"));
    await expect(engine.containers.list({}, gone)).rejects.toThrow("too late");
  });
}
