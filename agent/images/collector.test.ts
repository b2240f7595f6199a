import { expect, onTestFinished, test } from "vitest";
import { nodes } from "../../api/machinery/resources.ts";
import { annotation, containerLabel, label } from "../../crds/labels.ts";
import { manualClock } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "../engine/dockerode.ts";
import { createImageStore } from "../pods/image-store.ts";
import { createImageCollector } from "./collector.ts";
import type { DiskUse } from "./plan.ts";

const signal = new AbortController().signal;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const full: DiskUse = { usedBytes: 90_000_000, totalBytes: 100_000_000 };
const policy = { highPercent: 85, lowPercent: 80, minimumAgeMs: 120_000, kept: 1 };

async function host() {
  const simulated = await simulatedEngine();
  const engine = openEngine(simulated.url);
  onTestFinished(async () => {
    await engine[Symbol.asyncDispose]();
    await simulated[Symbol.asyncDispose]();
  });
  const api = memoryApi();
  await api.create(nodes, { apiVersion: "v1", kind: "Node", metadata: { name: "host" } });
  const clock = manualClock();
  const events: string[] = [];
  let paused = false;
  const hire = () =>
    createImageCollector({
      engine,
      client: api,
      clock,
      log: quiet,
      recorder: {
        event: (_about, { reason, message }) => void events.push(`${reason}: ${message}`),
      },
      nodeName: "host",
      pods: () => [],
      policy: () => policy,
      readDisk: async () => undefined,
      isPaused: () => paused,
    });
  let collector = hire();
  const store = createImageStore(engine, clock, (...pulled) => collector.claim(...pulled));
  const write = async () => {
    const annotations = { [annotation.pulledImages]: collector.record() };
    await api.patch(
      nodes,
      { name: "host" },
      { type: "merge", body: { metadata: { annotations } } },
    );
  };
  return {
    engine,
    clock,
    events,
    look: (disk: DiskUse | "unknown" = full) =>
      collector.look(disk === "unknown" ? undefined : disk, signal),
    pull: (reference: string) =>
      store.pull(reference, { auth: undefined, onProgress() {} }, signal),
    pause: () => {
      paused = true;
    },
    /** Another agent reads what this one wrote. */
    replaceAgent: async () => {
      await write();
      collector = hire();
    },
    holds: async (reference: string) => (await engine.images.inspect(reference)) !== undefined,
    run: async (image: string, application: string) => {
      const Labels = {
        [label.application]: application,
        [containerLabel.podNamespace]: "shop",
        [containerLabel.container]: "app",
      };
      return engine.containers.create(`${application}-${Date.now()}`, { Image: image, Labels });
    },
  };
}

test("what an agent pulled goes when the disk is full, also after another agent took over", async () => {
  const { pull, look, holds, clock, replaceAgent, engine } = await host();
  await Array.fromAsync(engine.images.pull("theirs:1"));
  await pull("ours:1");
  await look();
  expect(await holds("ours:1")).toBe(true); // too young
  await replaceAgent();
  await clock.advance(120_000);
  await look({ usedBytes: 84, totalBytes: 100 });
  await look("unknown");
  expect(await holds("ours:1")).toBe(true);
  await look();
  expect(await holds("ours:1")).toBe(false);
  expect(await holds("theirs:1")).toBe(true);
});

test("what was there before, or got another name, is somebody else's", async () => {
  const { pull, look, holds, clock, engine } = await host();
  await Array.fromAsync(engine.images.pull("shared:1"));
  await pull("shared:1");
  await clock.advance(120_000);
  await look();
  expect(await holds("shared:1")).toBe(true);
});

test("an image in use stays, and so does the one that an Application used last", async () => {
  const { pull, look, holds, run, clock, engine } = await host();
  await pull("web:1");
  const first = await run("web:1", "web");
  await look();
  await clock.advance(60_000);
  await pull("web:2");
  const second = await run("web:2", "web");
  await look();
  await engine.containers.remove(first, { force: true });
  await clock.advance(120_000);
  await look();
  expect([await holds("web:1"), await holds("web:2")]).toEqual([false, true]);
  await engine.containers.remove(second, { force: true });
  await clock.advance(600_000);
  await look();
  expect(await holds("web:2")).toBe(true);
});

test("a disk that stays full is told at the Node, in the kubelet's words", async () => {
  const { pull, look, clock, events } = await host();
  await pull("ours:1");
  await clock.advance(120_000);
  await look();
  expect(events).toEqual([
    "FreeDiskSpaceFailed: Failed to garbage collect required amount of images. Attempted to free 10000000 bytes, but only found 2000000 bytes eligible to free.",
  ]);
});

test("nothing is removed while people asked for no changes", async () => {
  const { pull, look, holds, clock, pause } = await host();
  await pull("ours:1");
  await clock.advance(120_000);
  pause();
  await look();
  expect(await holds("ours:1")).toBe(true);
});
