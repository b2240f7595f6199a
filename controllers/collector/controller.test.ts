import { array, assert, asyncProperty, boolean, constantFrom, integer, record } from "fast-check";
import { expect, test } from "vitest";
import { type ManualClock, manualClock, settle } from "../../test/kit/clock.ts";
import { type MemoryApi, memoryApi } from "../../test/kit/memory-api.ts";
import type { DeleteOptions } from "../../api/client/client.ts";
import type { OwnerReference } from "../../api/machinery/object.ts";
import { configMaps, secrets } from "../../api/machinery/resources.ts";
import { runManager } from "../runtime/manager.ts";
import { createRecorder } from "../runtime/recorder.ts";
import { buildCollector } from "./controller.ts";

type World = {
  readonly api: MemoryApi;
  readonly clock: ManualClock;
  readonly stop: () => Promise<void>;
  readonly create: (name: string, owners?: readonly OwnerReference[]) => Promise<OwnerReference>;
  readonly remove: (name: string, policy?: DeleteOptions["propagationPolicy"]) => Promise<void>;
  readonly names: () => string;
};

async function start(): Promise<World> {
  const [api, clock] = [memoryApi({ kinds: [configMaps, secrets] }), manualClock()];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const recorder = createRecorder({ client: api, clock, log, component: "gc", instance: "" });
  const controller = new AbortController();
  const options = { client: api, clock, log, recorder };
  const running = runManager([buildCollector], options, controller.signal);
  await settle();
  return {
    api,
    clock,
    async stop() {
      controller.abort();
      await running;
    },
    async create(name, ownerReferences) {
      const metadata = { namespace: "shop", name, ...(ownerReferences && { ownerReferences }) };
      const made = await api.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata });
      const { uid } = made.metadata;
      return { apiVersion: "v1", kind: "ConfigMap", name, uid, blockOwnerDeletion: true };
    },
    remove: (name, propagationPolicy) =>
      api.delete(
        configMaps,
        { namespace: "shop", name },
        propagationPolicy === undefined ? {} : { propagationPolicy },
      ),
    names: () =>
      api
        .all(configMaps)
        .map(({ metadata }) => metadata.name)
        .join(),
  };
}

/** Lets the collector do all it can, its waits and retries included. */
async function rest({ clock }: World): Promise<void> {
  for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
}

const inWorld = async (play: (world: World) => Promise<void>): Promise<void> => {
  const world = await start();
  try {
    await play(world);
  } finally {
    await world.stop();
  }
};

test("collector removes what is left behind, level by level", () =>
  inWorld(async (world) => {
    const a = await world.create("a");
    const b = await world.create("b", [a]);
    await world.create("c", [b]);
    await world.create("free");
    await world.remove("a");
    await rest(world);
    expect(world.names()).toBe("free");
  }));

test("collector goes by uid: another object of the owner's name holds nobody", () =>
  inWorld(async (world) => {
    const a = await world.create("a");
    await world.create("b", [{ ...a, uid: "another" }]);
    await rest(world);
    expect(world.names()).toBe("a");
  }));

test("collector keeps an object whose owner's kind is not served", () =>
  inWorld(async (world) => {
    await world.create("b", [{ apiVersion: "x.io/v1", kind: "X", name: "x", uid: "x" }]);
    await rest(world);
    expect(world.names()).toBe("b");
  }));

test("collector asks the server before it believes that an owner is gone", () =>
  inWorld(async (world) => {
    const asked: string[] = [];
    world.api.before(({ verb, key }) => void (verb === "get" && asked.push(key?.name ?? "")));
    const gone = { apiVersion: "v1", kind: "ConfigMap", name: "gone", uid: "gone" };
    await world.create("b", [gone]);
    await world.create("c", [gone]);
    await rest(world);
    expect(world.names()).toBe("");
    expect(new Set(asked)).toEqual(new Set(["gone"]));
  }));

test("collector takes dependents first in a foreground deletion", () =>
  inWorld(async (world) => {
    const a = await world.create("a");
    const b = await world.create("b", [a]);
    await world.create("c", [b]);
    const hold = { metadata: { finalizers: ["example.com/hold"] } };
    await world.api.patch(
      configMaps,
      { namespace: "shop", name: "c" },
      { type: "merge", body: hold },
    );
    await world.remove("a", "Foreground");
    await rest(world);
    expect(world.names()).toBe("a,b,c");
    const free = { metadata: { finalizers: null } };
    await world.api.patch(
      configMaps,
      { namespace: "shop", name: "c" },
      { type: "merge", body: free },
    );
    await rest(world);
    expect(world.names()).toBe("");
  }));

test("collector orphans on request", () =>
  inWorld(async (world) => {
    const [a, other] = [await world.create("a"), await world.create("other")];
    await world.create("b", [a, other]);
    await world.remove("a", "Orphan");
    await rest(world);
    expect(world.names()).toBe("b,other");
    const [b] = world.api.all(configMaps);
    expect(b?.metadata.ownerReferences?.map(({ name }) => name)).toEqual(["other"]);
  }));

test.each(["Background", "Foreground"] as const)("collector untangles cycles (%s)", (policy) =>
  inWorld(async (world) => {
    const a = await world.create("a");
    const b = await world.create("b", [a]);
    const body = { metadata: { ownerReferences: [b] } };
    await world.api.patch(configMaps, { namespace: "shop", name: "a" }, { type: "merge", body });
    await world.remove("a", policy);
    await rest(world);
    expect(world.names()).toBe("");
  }),
);

const names = ["a", "b", "c", "d", "e"];
const graph = record({
  /** Owners of each object among the earlier ones, by bits. */
  owners: array(integer({ min: 0, max: 31 }), { minLength: 5, maxLength: 5 }),
  deleted: array(record({ index: integer({ min: 0, max: 4 }), foreground: boolean() }), {
    maxLength: 3,
  }),
  pause: constantFrom(0, 1),
});

test("collector leaves exactly what still has an owner, or never had one", async () => {
  const exact = asyncProperty(graph, ({ owners, deleted, pause }) =>
    inWorld(async (world) => {
      const references: OwnerReference[] = [];
      const ownersOf = (index: number): number[] =>
        [0, 1, 2, 3, 4].filter((one) => one < index && ((owners[index] ?? 0) & (1 << one)) !== 0);
      for (const [index, name] of names.entries()) {
        const wanted = ownersOf(index).flatMap((one) => references[one] ?? []);
        references.push(await world.create(name, wanted));
      }
      for (const { index, foreground } of deleted) {
        await world.remove(names[index] ?? "", foreground ? "Foreground" : "Background");
        if (pause > 0) await settle();
      }
      await rest(world);
      const left: number[] = [];
      for (const index of names.keys()) {
        const held = ownersOf(index).some((one) => left.includes(one));
        const doomed = deleted.some((one) => one.index === index);
        if (!doomed && (held || ownersOf(index).length === 0)) left.push(index);
      }
      expect(world.names()).toBe(left.map((index) => names[index]).join());
    }),
  );
  await assert(exact, { numRuns: 40 });
});
