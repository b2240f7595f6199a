import { expect, onTestFinished, test } from "vitest";
import { manualClock } from "../../test/kit/clock.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { containerLabel } from "../../crds/labels.ts";
import { openEngine } from "../engine/dockerode.ts";
import { createCpuKeeper } from "./cpu-keeper.ts";
import { plainCpus } from "./cpu-plan.ts";

const signal = new AbortController().signal;

async function host(count = 4) {
  const simulated = await simulatedEngine();
  const engine = openEngine(simulated.url);
  onTestFinished(async () => {
    await engine[Symbol.asyncDispose]();
    await simulated[Symbol.asyncDispose]();
  });
  const clock = manualClock();
  const keep = () =>
    createCpuKeeper({
      engine,
      cluster: "ours",
      clock,
      topology: async () => plainCpus(count),
      shared: () => 1,
    });
  let keeper = keep();
  const create = (name: string, exclusive = 0, cluster = "ours") =>
    engine.containers.create(name, {
      Image: testImages.silent,
      Labels: {
        [containerLabel.cluster]: cluster,
        ...(exclusive === 0 ? {} : { [containerLabel.exclusiveCpus]: `${exclusive}` }),
      },
    });
  const start = async (id: string): Promise<void> => {
    const started = await keeper.admit({ id, name: "app", mayHave: true }, signal);
    await engine.containers.start(id);
    started();
  };
  return {
    engine,
    clock,
    create,
    start,
    keeper: () => keeper,
    run: async (name: string, exclusive = 0): Promise<string> => {
      const id = await create(name, exclusive);
      await start(id);
      return id;
    },
    restartAgent: () => {
      keeper = keep();
    },
    cpusOf: async (id: string) => (await engine.upkeep.placeOf(id))?.cpus,
  };
}

test("nobody is kept off anything while nobody has CPUs of his own", async () => {
  const { run, cpusOf } = await host();
  expect(await cpusOf(await run("web"))).toBe("");
});

test("one with CPUs of its own runs apart from all others of ours, before and after", async () => {
  const { run, cpusOf, create, engine } = await host();
  const foreign = await create("foreign", 0, "theirs");
  await engine.containers.start(foreign);
  const before = await run("before");
  const own = await run("own", 2);
  const after = await run("after");
  expect(await cpusOf(own)).toBe("2-3");
  expect(await cpusOf(before)).toBe("0-1");
  expect(await cpusOf(after)).toBe("0-1");
  expect(await cpusOf(foreign)).toBe("");
});

test("too few free CPUs are told with the numbers, and suffice once somebody ended", async () => {
  const { run, create, start, keeper, engine, cpusOf } = await host();
  const first = await run("first", 2);
  const second = await create("second", 2);
  await expect(start(second)).rejects.toMatchObject({
    reason: "NoFreeCpus",
    container: "app",
    message:
      "Cannot give container app 2 CPUs of its own: 1 are free (2 of 4 belong to others, 1 stay shared)",
  });
  await engine.containers.stop(first, 0);
  await start(second);
  expect(await cpusOf(second)).toBe("2-3");
  expect(keeper().isNews({ type: "resync" })).toBe(false);
});

test("two that start at once get different CPUs", async () => {
  const { create, start, cpusOf } = await host();
  const ids = await Promise.all([create("c1", 1), create("c2", 1), create("c3", 1)]);
  await Promise.all(ids.map(start));
  const cpus = await Promise.all(ids.map(cpusOf));
  expect(new Set(cpus).size).toBe(3);
});

test("an agent that was restarted reads who has what, and gives back what is free", async () => {
  const { run, restartAgent, keeper, engine, cpusOf } = await host();
  const own = await run("own", 3);
  const sharer = await run("sharer");
  expect(await cpusOf(sharer)).toBe("0");
  restartAgent();
  await expect(run("more", 1)).rejects.toMatchObject({ reason: "NoFreeCpus" });
  await engine.containers.remove(own, { force: true });
  const event = { type: "container", action: "destroy", id: own, attributes: {}, atMs: 0 } as const;
  expect(keeper().isNews(event)).toBe(true);
  expect(keeper().isNews({ ...event, id: sharer })).toBe(false);
  restartAgent();
  await keeper().settle(signal);
  expect(await cpusOf(sharer)).toBe("0-3");
});

test("what was given to a container that never started is free again", async () => {
  const { create, run, keeper, clock, cpusOf } = await host();
  const id = await create("stuck", 3);
  await keeper().admit({ id, name: "app", mayHave: true }, signal);
  await expect(run("other", 3)).rejects.toMatchObject({ reason: "NoFreeCpus" });
  await clock.advance(120_001);
  expect(await cpusOf(await run("another", 3))).toBe("1-3");
});
