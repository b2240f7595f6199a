import { beforeEach, expect, test } from "vitest";
import type { Cache } from "../../api/client/informer.ts";
import { conflict, forbidden, invalid } from "../../api/machinery/errors.ts";
import { keyOf, keyText, type KubeObject } from "../../api/machinery/object.ts";
import {
  applications,
  nodes,
  type Pod,
  pods,
  type Resource,
  revisions,
} from "../../api/machinery/resources.ts";
import { annotation, label } from "../../crds/labels.ts";
import type { Application } from "../../crds/types.gen.ts";
import { manualClock } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { actAsAgents, addHost, draftApplication } from "../../test/kit/obedient-agents.ts";
import type { Reconciler } from "../runtime/reconciler.ts";
import { applicationReconciler } from "./controller.ts";
import { applicationIndex } from "./observe.ts";

const key = { namespace: "shop", name: "web" };
const signal = new AbortController().signal;

const application = (image: string) =>
  draftApplication("web", image, { [annotation.changeCause]: image });

/** Everything around the reconciler: an API in memory, and agents that do as they are told. */
function stage() {
  const api = memoryApi();
  const clock = manualClock();
  const events: string[] = [];
  const told: object[] = [];
  const log = {
    debug: (fields: object) => void told.push(fields),
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  };
  const recorder = {
    event: (_about: KubeObject, event: { readonly type: string; readonly reason: string }) =>
      void events.push(`${event.type} ${event.reason}`),
  };
  const cacheOf = <T extends KubeObject>(type: Resource<T>): Cache<T> => ({
    get: (key) => api.all(type).find((object) => keyText(keyOf(object)) === keyText(key)),
    list: () => api.all(type),
    by: (_index, value) =>
      api.all(type).filter((object) => applicationIndex(object as never).includes(value)),
  });
  const sources = {
    applications: cacheOf(applications),
    revisions: cacheOf(revisions),
    pods: cacheOf(pods),
    nodes: cacheOf(nodes),
  };
  const start = (): Reconciler =>
    applicationReconciler(sources, { client: api, clock, recorder, log });
  return { api, clock, events, told, start };
}

type Stage = ReturnType<typeof stage>;

/** Lets controller, agents and time take turns; a new process each time. */
async function play(world: Stage, rounds: number, bad?: string): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await world.start().reconcile(key, signal);
    await actAsAgents(world.api, world.clock.nowMs(), bad);
    await world.clock.advance(2_000);
  }
}

const read = async ({ api }: Stage): Promise<Application | undefined> => api.get(applications, key);

async function setImage({ api }: Stage, image: string): Promise<void> {
  const { spec, metadata } = application(image);
  const body = {
    spec: { template: spec.template },
    metadata: { annotations: metadata.annotations, generation: 2 },
  };
  await api.patch(applications, key, { type: "merge", body });
}

let world: Stage;
beforeEach(async () => {
  world = stage();
  await addHost(world.api);
  await world.api.create(applications, application("registry:5000/web:1"));
});

test("reconcile() brings an Application to Ready, each pass in a new process", async () => {
  await play(world, 30);
  const { status } = (await read(world)) ?? {};
  expect(status).toMatchObject({
    ready: "2/2",
    currentRevision: "web-1",
    targetRevision: "web-1",
    selector: "lighthouse.dev/application=web",
    rollout: { phase: "Completed", progress: "1/1" },
  });
  expect(
    status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
  ).toEqual([
    "Ready=True SlotsReady",
    "Progressing=False Completed",
    "RolledBack=False NotRolledBack",
    "Paused=False NotPaused",
    "Scheduled=True AllScheduled",
    "Reconciling=False Settled",
    "Stalled=False NotStalled",
  ]);
  expect(world.events).toEqual(["Normal RollingOut", "Normal Completed"]);
  const [revision] = world.api.all(revisions);
  expect(revision).toMatchObject({
    metadata: { name: "web-1", ownerReferences: [{ kind: "Application", controller: true }] },
    spec: { number: 1, changeCause: "registry:5000/web:1" },
    status: { phase: "Active", outcome: "Completed" },
  });
});

test("reconcile() writes nothing when nothing changed", async () => {
  await play(world, 30);
  const before = await read(world);
  await play(world, 3);
  expect((await read(world))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
});

test("reconcile() rolls out by digest and in slots, and keeps the Node", async () => {
  await play(world, 30);
  await setImage(world, "registry:5000/web:2");
  await play(world, 3);
  const fresh = world.api
    .all(pods)
    .filter(({ metadata }) => metadata.labels?.[label.revision] === "web-2");
  expect(fresh.map(({ metadata }) => metadata.annotations)).toMatchObject([
    { [annotation.desiredState]: "Prepared", [annotation.replaces]: "web-1-0" },
    { [annotation.desiredState]: "Prepared", [annotation.replaces]: "web-1-1" },
  ]);
  expect(JSON.stringify(fresh[0]?.spec.affinity)).toContain('"values":["host-1"]');
  await world.api.delete(pods, keyOf(fresh[1] ?? fresh[0] ?? ({} as Pod)));
  await play(world, 2);
  const again = world.api.all(pods).find(({ metadata }) => metadata.name === "web-2-1");
  expect(again?.spec.containers[0]?.image).toBe(`registry:5000/web@sha256:${"a".repeat(64)}`);
  await play(world, 40);
  expect((await read(world))?.status).toMatchObject({ currentRevision: "web-2", ready: "2/2" });
  expect(world.api.all(pods).map(({ metadata }) => metadata.name)).toEqual(["web-2-0", "web-2-1"]);
});

test("reconcile() goes back, says why, and never writes the spec (G7)", async () => {
  await play(world, 30);
  await setImage(world, "web:bad");
  await play(world, 30, "bad");
  const { spec, status } = (await read(world)) ?? {};
  expect(spec?.template.spec.containers[0]?.image).toBe("web:bad");
  expect(status).toMatchObject({
    ready: "2/2",
    currentRevision: "web-1",
    targetRevision: "web-2",
    failedRevision: { name: "web-2", reason: "ContainerFailed" },
    rollout: { phase: "RolledBack" },
  });
  expect(status?.failedRevision?.message).toContain("ended with exit code 3");
  const verdicts = status?.conditions?.map(
    ({ type, status, reason }) => `${type}=${status} ${reason}`,
  );
  expect(verdicts?.slice(0, 3)).toEqual([
    "Ready=False RolledBack",
    "Progressing=False RolledBack",
    "RolledBack=True RolledBack",
  ]);
  expect(status?.rollout?.steps?.map(({ name }) => name)).toEqual([
    "prepare",
    "batch-1-replace",
    "roll-back",
  ]);
  expect(world.api.all(pods).map(({ metadata }) => metadata.name)).toEqual(["web-1-0", "web-1-1"]);
});

test("reconcile() waits for its own write to arrive before it plans again", async () => {
  const reconciler = world.start();
  const stale = await read(world);
  await reconciler.reconcile(key, signal);
  const seen = await read(world);
  expect(seen?.metadata.resourceVersion).not.toBe(stale?.metadata.resourceVersion);
  expect(await reconciler.reconcile(key, signal)).not.toEqual({ requeueAfterMs: 1 });
});

test("reconcile() does all it can when one step fails, tells why, and asks for a retry", async () => {
  await play(world, 1);
  world.api.before(({ verb, type, key }) => {
    if (verb === "create" && type === pods && key?.name === "web-1-0")
      throw invalid({ group: "", kind: "Pod" }, "web-1-0", [
        { reason: "FieldValueInvalid", message: "no" },
      ]);
  });
  await expect(world.start().reconcile(key, signal)).rejects.toThrow("web-1-0");
  expect(world.api.all(pods).map(({ metadata }) => metadata.name)).toEqual(["web-1-1"]);
  const { status } = (await read(world)) ?? {};
  expect(status?.rollout?.waits).toContainEqual(
    expect.objectContaining({ owner: "api-server", reason: "InvalidTemplate" }),
  );
});

test("reconcile() says which quota leaves no room, and asks for a retry", async () => {
  await play(world, 1);
  world.api.before(({ verb, type }) => {
    if (verb === "create" && type === pods)
      throw forbidden(
        { group: "", plural: "pods" },
        "web-1-0",
        "exceeded quota: cap, requested: pods=1",
      );
  });
  await expect(world.start().reconcile(key, signal)).rejects.toThrow("exceeded quota");
  const { status } = (await read(world)) ?? {};
  expect(status?.rollout?.waits).toContainEqual(
    expect.objectContaining({ owner: "user", reason: "QuotaExceeded" }),
  );
});

test("reconcile() does not touch a pod of somebody else that has the name", async () => {
  await play(world, 1);
  const body = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "shop", name: "web-1-0" },
    spec: { containers: [] },
  };
  await world.api.create(pods, body);
  await expect(world.start().reconcile(key, signal)).rejects.toMatchObject({ reason: "Conflict" });
  expect(
    world.api.all(pods).find(({ metadata }) => metadata.name === "web-1-0")?.spec.containers,
  ).toEqual([]);
});

test("reconcile() repeats creations that are done already", async () => {
  await world.start().reconcile(key, signal);
  const [revision] = world.api.all(revisions);
  world.api.before(({ verb, subresource }) => {
    if (verb === "replace" && subresource === "status") throw conflict(applications, "web");
  });
  await world
    .start()
    .reconcile(key, signal)
    .catch(() => undefined);
  await world
    .start()
    .reconcile(key, signal)
    .catch(() => undefined);
  expect(world.api.all(revisions)).toMatchObject([{ metadata: { uid: revision?.metadata.uid } }]);
  expect(world.api.all(pods)).toHaveLength(2);
});

test("reconcile() leaves an Application alone that is gone or going", async () => {
  await world.api.patch(applications, key, {
    type: "merge",
    body: { metadata: { finalizers: ["keep/it"] } },
  });
  await world.api.delete(applications, key);
  expect(await world.start().reconcile(key, signal)).toEqual({});
  expect(await world.start().reconcile({ namespace: "shop", name: "other" }, signal)).toEqual({});
  expect(world.api.all(revisions)).toEqual([]);
});

test("reconcile() restarts with new containers of the same images, and the same digests (AP-15)", async () => {
  await play(world, 30);
  const { spec } = application("registry:5000/web:1");
  const at = { [annotation.restartedAt]: "2026-01-01T00:00:00Z" };
  const body = { spec: { template: { ...spec.template, metadata: { annotations: at } } } };
  await world.api.patch(applications, key, { type: "merge", body });
  await play(world, 2);
  const fresh = world.api.all(pods).filter(({ metadata }) => metadata.name.startsWith("web-2-"));
  expect(fresh.map(({ spec }) => spec.containers[0]?.image)).toEqual(
    Array(2).fill(`registry:5000/web@sha256:${"a".repeat(64)}`),
  );
  await play(world, 40);
  expect((await read(world))?.status).toMatchObject({ currentRevision: "web-2", ready: "2/2" });
});

test("reconcile() leaves what an Application before left behind, and goes on beside it (AP-36, G8)", async () => {
  await play(world, 30);
  const left = [...world.api.all(revisions), ...world.api.all(pods)].map(
    ({ metadata }) => metadata.uid,
  );
  // As a delete with --cascade=orphan leaves them.
  const body = { metadata: { ownerReferences: null } };
  for (const one of world.api.all(revisions)) {
    await world.api.patch(revisions, keyOf(one), { type: "merge", body });
  }
  for (const one of world.api.all(pods)) {
    await world.api.patch(pods, keyOf(one), { type: "merge", body });
  }
  await world.api.delete(applications, key);
  await world.api.create(applications, application("registry:5000/web:1"));
  await play(world, 30);
  expect((await read(world))?.status).toMatchObject({ currentRevision: "web-2", ready: "2/2" });
  const uids = [...world.api.all(revisions), ...world.api.all(pods)].map(
    ({ metadata }) => metadata.uid,
  );
  expect(uids).toEqual(expect.arrayContaining(left));
  expect(world.api.all(pods).map(({ metadata }) => metadata.name)).toEqual([
    "web-1-0",
    "web-1-1",
    "web-2-0",
    "web-2-1",
  ]);
});

test("reconcile() does not let a step that is refused again and again put the deadline off (G12)", async () => {
  await play(world, 30);
  await setImage(world, "web:2");
  world.api.before(({ verb, type, key }) => {
    if (verb === "create" && type === pods && key?.name === "web-2-1")
      throw invalid({ group: "", kind: "Pod" }, "web-2-1", [
        { reason: "FieldValueInvalid", message: "no such runtime" },
      ]);
  });
  for (let round = 0; round < 320; round += 1) {
    await world
      .start()
      .reconcile(key, signal)
      .catch(() => undefined);
    await actAsAgents(world.api, world.clock.nowMs());
    await world.clock.advance(2_000);
  }
  const { status } = (await read(world)) ?? {};
  expect(status).toMatchObject({
    ready: "2/2",
    currentRevision: "web-1",
    rollout: { phase: "RolledBack", reason: "ProgressDeadlineExceeded" },
  });
});

test("reconcile() says who holds a name that it needs (G8)", async () => {
  await play(world, 1);
  const body = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "shop", name: "web-1-0" },
    spec: { containers: [] },
  };
  await world.api.create(pods, body);
  await expect(world.start().reconcile(key, signal)).rejects.toMatchObject({ reason: "Conflict" });
  expect((await read(world))?.status?.rollout?.waits).toContainEqual(
    expect.objectContaining({ owner: "user", reason: "NameConflict" }),
  );
});
