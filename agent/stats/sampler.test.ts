import { expect, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { buildMeasured } from "../../test/kit/measured.ts";
import { containerLabel } from "../../crds/labels.ts";
import type { ContainerDetail, ContainerSummary, Engine } from "../engine/engine.ts";
import { createSampler, freshMs, type Sampler, type SamplerOptions } from "./sampler.ts";
import { toUsage } from "./usage.ts";

const never = new AbortController().signal;
const cluster = "c-1";
const ours = {
  [containerLabel.cluster]: cluster,
  [containerLabel.podUid]: "u1",
  [containerLabel.podNamespace]: "shop",
  [containerLabel.podName]: "web-0",
  [containerLabel.container]: "app",
};

type Calls = { list: number; inspect: number; stats: number };

/** An engine whose containers use half a CPU each; `hang` answers never. */
function fakeEngine(nowMs: () => number, ids: readonly string[], hang = new Set<string>()) {
  const calls: Calls = { list: 0, inspect: 0, stats: 0 };
  let atOnce = 0;
  const seen = { most: 0 };
  const startedAtMs = nowMs() - 3_600_000;
  const row = (id: string) =>
    ({ id, name: id, image: "web:1", labels: id === "own" ? ours : {}, phase: "running" }) as const;
  const stopped = { ...row("stopped"), phase: "exited" } as const;
  const silence = () => new Promise<never>(() => {});
  const { limits, stats } = buildMeasured();
  const engine = {
    endpoint: "unix:///test.sock",
    info: silence,
    containers: {
      async list() {
        calls.list += 1;
        if (hang.has("list")) await silence();
        return [...ids.map(row), stopped] as readonly unknown[] as readonly ContainerSummary[];
      },
      async inspect(id: string) {
        calls.inspect += 1;
        const state = { startedAtMs };
        return { id, state, limits, networkMode: "bridge" } as unknown as ContainerDetail;
      },
    },
    io: {
      async stats(id: string) {
        calls.stats += 1;
        atOnce += 1;
        seen.most = Math.max(seen.most, atOnce);
        await Promise.resolve();
        atOnce -= 1;
        if (hang.has(id)) await silence();
        const atMs = nowMs();
        return { ...stats, atMs, cpuNanos: (atMs - startedAtMs) * 500_000 };
      },
    },
  } as unknown as Engine;
  return { engine, calls, seen };
}

function rig(
  ids: readonly string[],
  hang = new Set<string>(),
  meterOf: SamplerOptions["meterOf"] = async () => undefined,
) {
  const clock = manualClock();
  const end = new AbortController();
  const fake = fakeEngine(() => clock.nowMs(), ids, hang);
  const sampler: Sampler = createSampler({
    engine: fake.engine,
    cluster,
    clock,
    signal: end.signal,
    meterOf,
  });
  return { clock, sampler, ...fake, end };
}

const whyOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "it was answered",
    (err: unknown) => (err instanceof Error ? err.message : String(err)),
  );

test("a sampler that nobody looks at asks the engine nothing", async () => {
  const { clock, calls, sampler } = rig(["own"]);
  await clock.advance(3_600_000);
  expect(calls).toEqual({ list: 0, inspect: 0, stats: 0 });
  await sampler.sample(never);
  await clock.advance(3_600_000);
  expect(calls).toEqual({ list: 1, inspect: 1, stats: 1 });
  expect(clock.sleepers).toBe(0);
});

test("sample() is one reading, however many look at once or soon after", async () => {
  const { clock, calls, sampler } = rig(["own", "other"]);
  await Promise.all(Array.from({ length: 50 }, () => sampler.sample(never)));
  await clock.advance(freshMs);
  await sampler.sample(never);
  expect(calls).toEqual({ list: 1, inspect: 2, stats: 2 });
  await clock.advance(1);
  const { containers } = await sampler.sample(never);
  expect(calls).toEqual({ list: 2, inspect: 2, stats: 4 });
  expect(containers.map(({ id, part }) => [id, part?.pod])).toEqual([
    ["own", "web-0"],
    ["other", undefined],
  ]);
});

test("measure() looks twice, a second apart, when nobody looked of late", async () => {
  const { clock, calls, sampler } = rig(["own"]);
  const all = Promise.all(Array.from({ length: 20 }, () => sampler.measure(never)));
  await clock.advance(1_000);
  const [first] = await all;
  expect(calls.stats).toBe(2);
  expect(first === undefined ? {} : toUsage(first).pods[0]?.containers["app"]).toMatchObject({
    cpuNanoCores: 500_000_000,
    windowMs: 1_000,
  });
  await clock.advance(10_000);
  const later = await sampler.measure(never);
  expect(calls.stats).toBe(3);
  expect(toUsage(later).pods[0]?.containers["app"]).toMatchObject({ windowMs: 11_000 });
});

test("measure() begins anew when the last look was long ago", async () => {
  const { clock, calls, sampler } = rig(["own"]);
  await sampler.sample(never);
  await clock.advance(60_000);
  const measured = sampler.measure(never);
  await clock.advance(1_000);
  expect(toUsage(await measured).pods[0]?.containers["app"]).toMatchObject({ windowMs: 1_000 });
  expect(calls.stats).toBe(3);
});

test("sample() leaves out a container that does not tell, and says so", async () => {
  const { clock, sampler } = rig(["own", "stuck"], new Set(["stuck"]));
  const asked = sampler.sample(never);
  await clock.advance(10_000);
  const { containers, silent } = await asked;
  expect(containers.map(({ id }) => id)).toEqual(["own"]);
  expect(silent).toEqual(["stuck"]);
});

test("sample() gives up an engine that hangs, and asks again next time", async () => {
  const hang = new Set(["list"]);
  const { clock, calls, sampler } = rig(["own"], hang);
  const asked = sampler.sample(never);
  const refusal = whyOf(asked);
  await clock.advance(10_000);
  expect(await refusal).toBe(
    "Cannot measure: Docker engine at unix:///test.sock has not answered for 10 s",
  );
  hang.clear();
  expect((await sampler.sample(never)).containers).toHaveLength(1);
  expect(calls.list).toBe(2);
});

test.each([
  ["fails", async () => Promise.reject(new Error("no /proc"))],
  ["hangs", () => new Promise<never>(() => {})],
] as const)("sample() does without the machine when that %s", async (_how, meterOf) => {
  const { clock, sampler } = rig(["own"], new Set(), meterOf);
  const asked = sampler.sample(never);
  await clock.advance(10_000);
  const { containers, host } = await asked;
  expect([containers.length, host]).toEqual([1, undefined]);
});

test("one who leaves does not end the look of others", async () => {
  const { clock, sampler } = rig(["own"]);
  const leaving = new AbortController();
  const gone = sampler.measure(leaving.signal);
  const stays = sampler.measure(never);
  const refusal = whyOf(gone);
  await settle();
  leaving.abort(new Error("bye"));
  expect(await refusal).toBe("bye");
  await clock.advance(1_000);
  expect((await stays).sample.containers).toHaveLength(1);
});

test("sample() reads hundreds of containers at once, but not all", async () => {
  const ids = Array.from({ length: 500 }, (_, index) => `id-${index}`);
  const { sampler, seen } = rig(ids);
  expect((await sampler.sample(never)).containers).toHaveLength(500);
  expect(seen.most).toBeLessThanOrEqual(128);
  expect(seen.most).toBeGreaterThan(100);
});

test("take() looks again at what was started, and counts kills for want of memory", async () => {
  const { clock, calls, sampler } = rig(["own"]);
  await sampler.sample(never);
  const event = (action: string) =>
    ({ type: "container", action, id: "own", attributes: {}, atMs: 0 }) as const;
  sampler.take(event("oom"));
  sampler.take(event("oom"));
  sampler.take(event("exec_start"));
  await clock.advance(freshMs + 1);
  expect((await sampler.sample(never)).containers[0]?.oomEvents).toBe(2);
  expect(calls.inspect).toBe(1);
  sampler.take(event("start"));
  await clock.advance(freshMs + 1);
  await sampler.sample(never);
  expect(calls.inspect).toBe(2);
});

test("the end of the host ends a look", async () => {
  const { end, sampler } = rig(["own"], new Set(["list"]));
  const asked = sampler.sample(never);
  const refusal = whyOf(asked);
  end.abort(new Error("the host is gone"));
  expect(await refusal).toBe("the host is gone");
});
