import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { containerLabel } from "../../crds/labels.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { testImages } from "../../test/kit/images.ts";
import { openEngine } from "../engine/dockerode.ts";
import type { Engine } from "../engine/engine.ts";
import type { SimulatedEngine } from "../simulated/simulated-engine.ts";
import { createPodNetworks, type PodNetworks } from "./pod-networks.ts";

const cluster = "c0ffee00-1111-4222-8333-444444444444";
const name = "lh_shop_c0ffee00";
const labels = {
  [containerLabel.cluster]: cluster,
  [containerLabel.podNamespace]: "shop",
};
const { signal } = new AbortController();
const nothing = (): Promise<void> => Promise.resolve();

describe("networks of namespaces", () => {
  let simulated: SimulatedEngine;
  let engine: Engine;
  let used: Set<string>;

  beforeEach(async () => {
    simulated = await simulatedEngine();
    engine = openEngine(simulated.url);
    used = new Set();
  });
  afterEach(async () => {
    await engine[Symbol.asyncDispose]();
    await simulated[Symbol.asyncDispose]();
  });

  const create = (over: { range?: string; routes?: readonly string[] } = {}): PodNetworks =>
    createPodNetworks({
      engine,
      engineId: "E1",
      cluster,
      range: () => over.range,
      routes: async () => over.routes ?? [],
      isUsed: (namespace) => used.has(namespace),
    });
  const found = async () => (await engine.networks.list()).find((one) => one.name === name);
  const asked = (request: string): number =>
    simulated.requests.filter((one) => one === request).length;

  test("within() makes one network for many at once, and looks only once", async () => {
    const networks = create();
    await Promise.all(Array.from({ length: 20 }, () => networks.within("shop", nothing, signal)));
    expect(asked("POST /networks/create")).toBe(1);
    expect(asked("GET /networks")).toBe(1);
    const options = {
      "com.docker.network.driver.mtu": "1500", // as the owner set it for the default bridge
      "com.docker.network.bridge.enable_icc": "true",
    };
    expect(await found()).toMatchObject({ driver: "bridge", labels, options });
    expect((await found())?.subnets[0]).toMatch(/^10\.7[6-9]\.\d+\.0\/22$/);
  });

  test("another agent takes over the network that the first one made", async () => {
    await create().within("shop", nothing, signal);
    await create().within("shop", nothing, signal);
    expect(asked("POST /networks/create")).toBe(1);
  });

  test("a foreign network of that name is named, and left as it is", async () => {
    const id = await engine.networks.create({ name, labels: {}, options: {} });
    const networks = create();
    await expect(networks.within("shop", nothing, signal)).rejects.toMatchObject({
      reason: "AlreadyExists",
      message: expect.stringContaining(`docker network rm ${name}`) as string,
    });
    await networks.release("shop", signal);
    await networks.sweep(signal);
    expect((await found())?.id).toBe(id);
  });

  test("release() waits for the last container, and for work that is going on", async () => {
    const networks = create();
    await networks.within("shop", () => networks.release("shop", signal), signal);
    expect(await found()).toBeDefined();
    used.add("shop");
    await networks.release("shop", signal);
    expect(await found()).toBeDefined();
    used.clear();
    await networks.release("shop", signal);
    expect(await found()).toBeUndefined();
    await networks.within("shop", nothing, signal);
    expect(await found()).toBeDefined();
  });

  test("release() leaves a network that somebody joined a container of their own to", async () => {
    const networks = create();
    await networks.within("shop", nothing, signal);
    const HostConfig = { NetworkMode: name };
    const id = await engine.containers.create("guest", { Image: testImages.silent, HostConfig });
    await engine.containers.start(id);
    await networks.release("shop", signal);
    expect(await found()).toBeDefined();
    await engine.containers.remove(id, { force: true });
    await networks.sweep(signal);
    expect(await found()).toBeUndefined();
  });

  test("sweep() removes what a crash left, but neither used nor foreign nor another cluster's", async () => {
    const make = (one: string, of: Readonly<Record<string, string>>): Promise<string> =>
      engine.networks.create({ name: one, labels: of, options: {} });
    await make(name, labels);
    await make("lh_busy_c0ffee00", { ...labels, [containerLabel.podNamespace]: "busy" });
    await make("lh_shop_other", { ...labels, [containerLabel.cluster]: "other" });
    await make("theirs", {});
    used.add("busy");
    await create().sweep(signal);
    const names = (await engine.networks.list()).map((one) => one.name);
    expect(names.sort()).toEqual([
      "bridge",
      "host",
      "lh_busy_c0ffee00",
      "lh_shop_other",
      "none",
      "theirs",
    ]);
  });

  test("a network that somebody pruned is made anew after doubt() or sweep()", async () => {
    const networks = create();
    await networks.within("shop", nothing, signal);
    await engine.networks.remove(name);
    networks.doubt("shop");
    await networks.within("shop", nothing, signal);
    expect(await found()).toBeDefined();
    await engine.networks.remove(name);
    await networks.sweep(signal);
    await networks.within("shop", nothing, signal);
    expect(await found()).toBeDefined();
  });

  test("subnets keep off the routes of the host, and outlast the pools of Docker", async () => {
    const networks = create({ range: "10.76.0.0/16", routes: ["10.76.0.0/17"] });
    for (let i = 0; i < 32; i += 1) await networks.within(`n${i}`, nothing, signal);
    const subnets = (await engine.networks.list()).flatMap((one) => one.subnets);
    const third = subnets.filter((one) => one.startsWith("10.76.")).map((one) => one.split(".")[2]);
    expect(new Set(third).size).toBe(32);
    expect(Math.min(...third.map(Number))).toBeGreaterThanOrEqual(128);
  });

  test("where the range is taken, Docker chooses; where Docker has none left, the way out is told", async () => {
    const networks = create({ routes: ["10.0.0.0/8"] });
    await networks.within("shop", nothing, signal);
    expect((await found())?.subnets[0]).toMatch(/^172\./);
    for (let i = 0; i < 29; i += 1) await networks.within(`n${i}`, nothing, signal);
    await expect(networks.within("late", nothing, signal)).rejects.toMatchObject({
      message: expect.stringMatching(/address pool.*10\.76\.0\.0\/14.*networkRange/) as string,
    });
  });

  test("a subnet that is taken between look and create is no failure", async () => {
    const message = "Pool overlaps with other one on this address space";
    simulated.inject({ on: /^POST .networks.create$/, kind: "refuse", status: 403, message });
    await create().within("shop", nothing, signal);
    expect(asked("POST /networks/create")).toBe(2);
  });
});
