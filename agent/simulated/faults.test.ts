import { expect, test } from "vitest";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "../engine/dockerode.ts";
import type { Engine } from "../engine/engine.ts";
import { createFaults } from "./faults.ts";
import type { SimulatedEngine } from "./simulated-engine.ts";

const mine = { "example.dev/pod": "web-0" };
const others = { "example.dev/pod": "web-1" };

async function drain(progress: AsyncIterable<unknown>): Promise<void> {
  for await (const _step of progress);
}

async function make(engine: Engine, name: string, labels: Readonly<Record<string, string>>) {
  return engine.containers.create(name, { Image: testImages.web, Labels: labels });
}

async function withEngine(work: (simulated: SimulatedEngine, engine: Engine) => Promise<void>) {
  await using simulated = await simulatedEngine();
  await using engine = openEngine(simulated.url);
  await work(simulated, engine);
}

test("fail() hits the n-th call on containers with these labels, and no other", () =>
  withEngine(async (simulated, engine) => {
    const fault = simulated.fail({ operation: "start", labels: mine, nth: 2, how: "error" });
    const [a, b] = [await make(engine, "web-0", mine), await make(engine, "web-1", others)];
    await engine.containers.start(a);
    await engine.containers.start(b);
    await engine.containers.start(b);
    expect(fault.hits()).toBe(0);
    await expect(engine.containers.start(a)).rejects.toThrow(/injected fault/);
    expect(fault.hits()).toBe(1);
    await engine.containers.start(a);
  }));

test("fail() matches a create by the labels that it asks for", () =>
  withEngine(async (simulated, engine) => {
    simulated.fail({ operation: "create", labels: mine, how: "error", message: "no space left" });
    await make(engine, "web-1", others);
    await expect(make(engine, "web-0", mine)).rejects.toThrow(/no space left/);
    expect(await engine.containers.inspect("web-0")).toBeUndefined();
  }));

test("fail() matches a pull by its image", () =>
  withEngine(async (simulated, engine) => {
    simulated.fail({ operation: "pull", image: /api/, how: "error", message: "no space left" });
    await drain(engine.images.pull("web:2"));
    await expect(drain(engine.images.pull("api:2"))).rejects.toThrow(/no space left/);
  }));

test("release() lets a hanging call go on, though nobody waits for it any more", () =>
  withEngine(async (simulated, engine) => {
    const fault = simulated.fail({ operation: "create", labels: mine, how: "hang" });
    await using impatient = openEngine(simulated.url, { deadlines: { changeMs: 50 } });
    await expect(make(impatient, "web-0", mine)).rejects.toThrow(/did not finish/);
    await fault.hit;
    expect(await engine.containers.inspect("web-0")).toBeUndefined();
    fault.release();
    await expect.poll(() => engine.containers.inspect("web-0")).toBeDefined();
  }));

test("an engine killed after a create has made the container and tells nobody", () =>
  withEngine(async (simulated, engine) => {
    simulated.fail({ operation: "create", how: "killEngine", when: "after" });
    await expect(make(engine, "web-0", mine)).rejects.toThrow(/Cannot/);
    await expect(engine.info()).rejects.toThrow(/Cannot/);
    await simulated.start();
    expect((await engine.containers.inspect("web-0"))?.state.phase).toBe("created");
  }));

test("a killed host takes its containers along", () =>
  withEngine(async (simulated, engine) => {
    const [a, b] = [await make(engine, "web-0", mine), await make(engine, "web-1", others)];
    await engine.containers.start(a);
    simulated.fail({ operation: "start", labels: others, how: "killHost" });
    await expect(engine.containers.start(b)).rejects.toThrow(/Cannot/);
    await simulated.start();
    expect((await engine.containers.inspect(a))?.state).toMatchObject({
      phase: "exited",
      exitCode: 255,
    });
    expect((await engine.containers.inspect(b))?.state.phase).toBe("created");
  }));

test("withdraw() disarms what has not hit yet", () => {
  const faults = createFaults();
  const fault = faults.fail({ operation: "stop", how: "error", times: 3 });
  const stop = { name: "stop", labels: {}, image: "" } as const;
  expect(faults.befall(stop)?.fault.how).toBe("error");
  fault.withdraw();
  expect(faults.befall(stop)).toBeUndefined();
  expect(faults.armed()).toBe(false);
});
