import { expect, onTestFinished, test } from "vitest";
import { type Pod, nodes } from "../../api/machinery/resources.ts";
import type { Offer } from "../../crds/types.gen.ts";
import { manualClock } from "../../test/kit/clock.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { buildPod } from "../../test/kit/pod-world.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "../engine/dockerode.ts";
import { createInventory } from "../pods/inventory.ts";
import { createHostLimits } from "./host-limits.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function pod(name: string, cpu: string): Pod {
  const creationTimestamp = `2026-11-21T11:0${name.length}:00Z`;
  const containers = [{ name: "app", image: "web:1", resources: { requests: { cpu } } }];
  return buildPod({ metadata: { name, uid: name, creationTimestamp }, spec: { containers } });
}

async function host(offer: Offer, pods: readonly Pod[]) {
  const simulated = await simulatedEngine({ cpus: 4 });
  const engine = openEngine(simulated.url);
  const end = new AbortController();
  const info = await engine.info();
  const client = memoryApi();
  await client.create(nodes, { apiVersion: "v1", kind: "Node", metadata: { name: "host" } });
  const clock = manualClock();
  const evicted: string[] = [];
  const told: string[] = [];
  let paused = false;
  let offers = { offer: {} as Offer };
  const limits = createHostLimits({
    engine,
    client,
    clock,
    inventory: createInventory(engine, "ours"),
    cluster: "ours",
    log: quiet,
    recorder: {
      event: ({ metadata }, { message }) => void told.push(`${metadata.name}: ${message}`),
    },
    nodeName: "host",
    cache: { get: () => undefined, list: () => pods, by: () => [] },
    facts: () => ({
      info,
      endpoint: engine.endpoint,
      beacon: "lab",
      provider: "local",
      labels: {},
      address: "",
      version: "0",
      offers,
    }),
    isLive: () => true,
    isPaused: () => paused,
    onReport: () => undefined,
    onEvict: ({ metadata }) => void evicted.push(metadata.name),
  });
  const running = limits.run(end.signal);
  onTestFinished(async () => {
    end.abort();
    await running;
    await engine[Symbol.asyncDispose]();
    await simulated[Symbol.asyncDispose]();
  });
  return {
    limits,
    evicted,
    told,
    shrink: () => {
      offers = { offer };
    },
    pause: () => {
      paused = true;
    },
    /** Time goes on until somebody was told to go, or for a minute. */
    wait: () =>
      eventually("a minute is over, or somebody goes", async () => {
        await clock.advance(5_000);
        return evicted.length > 0 || clock.nowMs() > Date.UTC(2026, 0, 1, 0, 1);
      }),
  };
}

const pods = [pod("a", "1"), pod("bb", "1"), pod("ccc", "1")];

test("a smaller offer ends the newest pods where the owner says so, and tells why", async () => {
  const { shrink, wait, evicted, told, limits } = await host({ cpu: 2, onShortage: "Evict" }, pods);
  shrink();
  await wait();
  expect(evicted).toEqual(["ccc"]);
  const message = "Node host lends out less cpu than its pods ask for";
  expect(told).toEqual([`ccc: ${message}`]);
  expect(pods.map((one) => limits.evictions.of(one)?.message)).toEqual([
    undefined,
    undefined,
    message,
  ]);
});

test("a smaller offer alone ends nobody", async () => {
  const { shrink, wait, evicted } = await host({ cpu: 2 }, pods);
  shrink();
  await wait();
  expect(evicted).toEqual([]);
});

test("nobody is ended while people asked for no changes", async () => {
  const { shrink, pause, wait, evicted } = await host({ cpu: 2, onShortage: "Evict" }, pods);
  pause();
  shrink();
  await wait();
  expect(evicted).toEqual([]);
});

test("policy() is what the engine and its owner say", async () => {
  const { limits, shrink } = await host({ cpuManagerPolicy: "Static" }, []);
  expect(limits.policy()).toEqual({ cpus: 4, cpuManagerPolicy: "None", hasDiskQuota: false });
  shrink();
  expect(limits.policy().cpuManagerPolicy).toBe("Static");
});
