import { expect, test } from "vitest";
import {
  applications,
  configMaps,
  pods,
  revisions,
  secrets,
} from "../../../api/machinery/resources.ts";
import { annotation } from "../../../crds/labels.ts";
import { type ControllerRig, startControllerRig } from "../../../test/kit/controller-rig.ts";
import { draftApplication } from "../../../test/kit/obedient-agents.ts";

const key = (name: string) => ({ namespace: "shop", name });

/** An Application that takes variables from a ConfigMap and files from a Secret. */
async function add({ api }: ControllerRig, reload = "true"): Promise<void> {
  const { spec, ...rest } = draftApplication("web", "web:1");
  const envFrom = [{ configMapRef: { name: "env" } }];
  const template = {
    metadata: { annotations: { [annotation.reload]: reload } },
    spec: {
      ...spec.template.spec,
      containers: spec.template.spec.containers.map((one) => ({ ...one, envFrom })),
      volumes: [{ name: "keys", secret: { secretName: "keys", defaultMode: 420 } }],
    },
  };
  await api.create(applications, { ...rest, spec: { ...spec, template } });
}

/** A version of the ConfigMap, as the server counts them. */
async function setConfig(
  { api }: ControllerRig,
  generation: number,
  over: object = {},
): Promise<void> {
  const body = {
    metadata: { ...key("env"), generation },
    data: { v: String(generation) },
    ...over,
  };
  const exists = await api.get(configMaps, key("env"));
  if (exists === undefined) {
    await api.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", ...body });
  } else await api.patch(configMaps, key("env"), { type: "merge", body });
}

async function addKeys({ api }: ControllerRig): Promise<void> {
  const metadata = { ...key("keys"), generation: 1 };
  await api.create(secrets, { apiVersion: "v1", kind: "Secret", metadata, data: {} });
}

async function running(): Promise<ControllerRig> {
  const it = await startControllerRig();
  await setConfig(it, 1);
  await addKeys(it);
  await add(it);
  await it.play(60);
  expect(await it.read("web")).toMatchObject({ currentRevision: "web-1", ready: "2/2" });
  return it;
}

test("a change of what the template names makes a new Revision, with the images of the one before", async () => {
  const it = await running();
  await setConfig(it, 2);
  await it.play(60);
  expect(await it.read("web")).toMatchObject({ currentRevision: "web-2", ready: "2/2" });
  const [first, second] = it.api.all(revisions);
  expect(second?.spec.templateHash).not.toBe(first?.spec.templateHash);
  expect(second?.spec.rollbackTo).toBeUndefined();
  expect(second?.spec.changeCause).toBe(
    "a ConfigMap or Secret that the template names was changed",
  );
  expect(second?.spec.images).toEqual(first?.status?.images);
  expect(it.api.all(pods).map(({ metadata }) => metadata.name)).toEqual(["web-2-0", "web-2-1"]);
});

test("neither a label, nor another ConfigMap, nor a new process makes one", async () => {
  const it = await running();
  const labelled = { metadata: { labels: { a: "b" } } };
  await it.api.patch(configMaps, key("env"), { type: "merge", body: labelled });
  await it.api.create(configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...key("other"), generation: 1 },
  });
  await it.play(5);
  await it.kill();
  await it.start();
  await it.play(5);
  expect(it.api.all(revisions)).toHaveLength(1);
  expect(await it.read("web")).toMatchObject({ rollout: { phase: "Completed" } });
});

test("what changed while no controller ran is seen by the next one", async () => {
  const it = await running();
  await it.kill();
  await setConfig(it, 2);
  await it.start();
  await it.play(60);
  expect(await it.read("web")).toMatchObject({ currentRevision: "web-2" });
});

test("what is missing is waited for by name, and nothing is begun without it", async () => {
  const it = await startControllerRig();
  await addKeys(it);
  await add(it);
  await it.play(10);
  const before = await it.read("web");
  expect(before?.conditions).toContainEqual(
    expect.objectContaining({
      type: "Ready",
      status: "False",
      reason: "WaitingForConfig",
      message: "configmap/env is not there",
    }),
  );
  expect(it.api.all(pods)).toEqual([]);
  await setConfig(it, 1);
  await it.play(60);
  expect(await it.read("web")).toMatchObject({ currentRevision: "web-1", ready: "2/2" });
});

test("what goes away later changes nothing that runs, and is named", async () => {
  const it = await running();
  await it.api.delete(configMaps, key("env"));
  await it.play(10);
  const status = await it.read("web");
  expect(status).toMatchObject({ currentRevision: "web-1", ready: "2/2" });
  expect(status?.rollout?.waits).toMatchObject([
    { owner: "configmap/env", reason: "WaitingForConfig", message: "configmap/env is not there" },
  ]);
  const version = (await it.api.get(applications, key("web")))?.metadata.resourceVersion;
  await it.play(10);
  expect((await it.api.get(applications, key("web")))?.metadata.resourceVersion).toBe(version);
  expect(it.api.all(revisions)).toHaveLength(1);
});

test("contents that fail are left, and not tried again before they change", async () => {
  const it = await running();
  await setConfig(it, 2);
  await it.play(4);
  await it.play(60, "web-2");
  expect(await it.read("web")).toMatchObject({
    currentRevision: "web-1",
    failedRevision: { name: "web-2" },
    rollout: { phase: "RolledBack" },
  });
  await it.play(10);
  expect(it.api.all(revisions)).toHaveLength(2);
  await setConfig(it, 3);
  await it.play(60);
  expect(await it.read("web")).toMatchObject({ currentRevision: "web-3" });
});

test("without the annotation nothing is read, and nothing reloaded", async () => {
  const it = await startControllerRig();
  const read: string[] = [];
  it.api.before(({ type, verb }) => void read.push(`${verb} ${type.plural}`));
  await setConfig(it, 1);
  await add(it, "false");
  await it.play(60);
  await setConfig(it, 2);
  await it.play(5);
  expect(it.api.all(revisions)).toHaveLength(1);
  expect(read).not.toContain("list configmaps");
  expect(read).not.toContain("list secrets");
});
