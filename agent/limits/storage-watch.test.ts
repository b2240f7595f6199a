import { expect, onTestFinished, test } from "vitest";
import type { Pod } from "../../api/machinery/resources.ts";
import { containerLabel } from "../../crds/labels.ts";
import { manualClock } from "../../test/kit/clock.ts";
import { testImages } from "../../test/kit/images.ts";
import { buildPod } from "../../test/kit/pod-world.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "../engine/dockerode.ts";
import { createInventory } from "../pods/inventory.ts";
import { createEvictions } from "./evictions.ts";
import { createStorageWatch } from "./storage-watch.ts";

const signal = new AbortController().signal;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function limited(name: string): Pod {
  const resources = { limits: { "ephemeral-storage": "1Mi" } };
  const containers = [{ name: "app", image: testImages.silent, resources }];
  return buildPod({ metadata: { name, uid: `uid-${name}` }, spec: { containers } });
}

async function host(pods: readonly Pod[]) {
  const simulated = await simulatedEngine();
  const engine = openEngine(simulated.url);
  onTestFinished(async () => {
    await engine[Symbol.asyncDispose]();
    await simulated[Symbol.asyncDispose]();
  });
  const ids = new Map<string, string>();
  for (const { metadata } of pods) {
    const Labels = {
      [containerLabel.cluster]: "ours",
      [containerLabel.podUid]: metadata.uid,
      [containerLabel.podName]: metadata.name,
      [containerLabel.container]: "app",
    };
    const spec = { Image: testImages.silent, Labels };
    ids.set(metadata.name, await engine.containers.create(metadata.name, spec));
  }
  const inventory = createInventory(engine, "ours");
  await inventory.resync(signal);
  const events: string[] = [];
  const told: string[] = [];
  const evictions = createEvictions((pod) => told.push(pod.metadata.name));
  const watch = createStorageWatch({
    engine,
    inventory,
    evictions,
    clock: manualClock(),
    recorder: {
      event: ({ metadata }, { reason }) => void events.push(`${metadata.name} ${reason}`),
    },
    log: quiet,
    isLocal: false,
    pods: () => pods,
  });
  const write = (name: string, bytes: number) =>
    engine.io.putFiles(ids.get(name) ?? "", [{ path: "/big", content: Buffer.alloc(bytes) }]);
  return { simulated, watch, evictions, events, told, write };
}

test("a pod is warned once while it is near its limit, and ended beyond it; its sibling stays", async () => {
  const [writer, sibling] = [limited("writer"), limited("sibling")];
  const { watch, evictions, events, told, write } = await host([writer, sibling]);
  await watch.look(signal);
  expect(events).toEqual([]);
  await write("writer", 1_000_000);
  await watch.look(signal);
  await watch.look(signal);
  // Once for the container, once for the pod as a whole.
  expect(events).toEqual(["writer EphemeralStorageHigh", "writer EphemeralStorageHigh"]);
  await write("writer", 1_100_000);
  await watch.look(signal);
  await watch.look(signal);
  expect(events.slice(2)).toEqual(["writer Evicted"]);
  expect(told).toEqual(["writer"]);
  expect(evictions.of(writer)).toEqual({
    message: "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi.",
  });
  expect(evictions.of(sibling)).toBeUndefined();
});

test("a pod that is not limited costs the engine nothing", async () => {
  const pod = buildPod({ metadata: { name: "free" } });
  const { watch, simulated } = await host([pod]);
  const before = simulated.requests.length;
  await watch.look(signal);
  expect(simulated.requests.slice(before)).toEqual([]);
});

test("what stands in the status of a pod is found by the next agent", () => {
  const evictions = createEvictions(() => undefined);
  const status = { phase: "Failed", reason: "Evicted", message: "too much" };
  const gone = { ...limited("gone"), status };
  expect(evictions.of(gone)).toEqual({ message: "too much" });
  evictions.evict(gone, { message: "again" });
  expect(evictions.of({ ...gone, status: { phase: "Failed" } })).toBeUndefined();
});
