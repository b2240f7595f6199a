import { readFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { Writable } from "node:stream";
import {
  ApiException,
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  Health,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  Log,
  makeInformer,
  Metrics,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  type V1ConfigMap,
  VersionApi,
  Watch,
} from "@kubernetes/client-node";
import { describe, expect, inject, test } from "vitest";
import { eventually } from "../kit/eventually.ts";
import { application, configMap, pod } from "./kit/manifests.ts";
import { runPod } from "./kit/objects.ts";
import { openRaw } from "./kit/raw.ts";
import { freshNamespace } from "./kit/suite.ts";

/** The reference client of our language, as other people's tools use it. */
const open = async (): Promise<{ readonly config: KubeConfig; readonly namespace: string }> => {
  const site = inject("site");
  const config = new KubeConfig();
  config.loadFromFile(site.kubeconfig);
  return { config, namespace: await freshNamespace(site, "client-node") };
};

const map = (
  namespace: string,
  name: string,
  labels: Record<string, string> = {},
): V1ConfigMap => ({
  metadata: { name, namespace, labels },
  data: { a: "1" },
});

/** What a request failed with. */
const failure = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (err: unknown) => err,
  );

async function runningPod(namespace: string, name: string): Promise<void> {
  const site = inject("site");
  await using raw = await openRaw(site);
  await runPod({ raw, site, namespace }, name);
}

function sink(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
}

describe.concurrent("client-node", () => {
  test("typed verbs: create, read, replace, patch, list, delete", async () => {
    const { config, namespace } = await open();
    const core = config.makeApiClient(CoreV1Api);
    const made = await core.createNamespacedConfigMap({ namespace, body: map(namespace, "typed") });
    expect(made.metadata?.uid).toBeDefined();
    const read = await core.readNamespacedConfigMap({ namespace, name: "typed" });
    read.data = { a: "2" };
    const put = await core.replaceNamespacedConfigMap({ namespace, name: "typed", body: read });
    expect(put.data).toEqual({ a: "2" });
    const stale = await failure(
      core.replaceNamespacedConfigMap({ namespace, name: "typed", body: made }),
    );
    expect(stale).toBeInstanceOf(ApiException);
    expect(stale).toMatchObject({ code: 409 });
    const list = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: "!none",
      limit: 1,
    });
    expect([list.items.length, list.metadata?._continue === undefined]).toEqual([
      1,
      list.items.length > 1,
    ]);
    await core.deleteNamespacedConfigMap({ namespace, name: "typed" });
    expect(await failure(core.readNamespacedConfigMap({ namespace, name: "typed" }))).toMatchObject(
      { code: 404 },
    );
  });

  test("patches a namespace with each patch type", async () => {
    const { config, namespace } = await open();
    const core = config.makeApiClient(CoreV1Api);
    const labels = { team: "a" };
    const strategic = await core.patchNamespace(
      { name: namespace, body: { metadata: { labels } } },
      setHeaderOptions("Content-Type", PatchStrategy.StrategicMergePatch),
    );
    expect(strategic.metadata?.labels).toMatchObject(labels);
    const merge = await core.patchNamespace(
      { name: namespace, body: { metadata: { labels: { team: null, more: "b" } } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
    expect(merge.metadata?.labels).toMatchObject({ more: "b" });
    expect(merge.metadata?.labels).not.toHaveProperty("team");
    const json = await core.patchNamespace(
      { name: namespace, body: [{ op: "replace", path: "/metadata/labels/more", value: "c" }] },
      setHeaderOptions("Content-Type", PatchStrategy.JsonPatch),
    );
    expect(json.metadata?.labels).toMatchObject({ more: "c" });
  });

  test("objects of any kind: create, read, list, patch, apply, replace, delete", async () => {
    const { config, namespace } = await open();
    const objects = KubernetesObjectApi.makeApiClient(config);
    const shop = { ...application("shop"), metadata: { name: "shop", namespace } };
    await objects.create(shop);
    const header = {
      apiVersion: "lighthouse.dev/v1",
      kind: "Application",
      metadata: { name: "shop", namespace },
    };
    const merged = await objects.patch(
      { ...header, spec: { replicas: 3 } },
      undefined,
      undefined,
      undefined,
      undefined,
      PatchStrategy.MergePatch,
    );
    expect(merged).toMatchObject({ spec: { replicas: 3 } });
    const pause: KubernetesObject & { readonly spec: object } = {
      ...header,
      spec: { paused: true },
    };
    const applied: KubernetesObject = await objects.patch(
      pause,
      undefined,
      undefined,
      "client-node",
      true,
      PatchStrategy.ServerSideApply,
    );
    expect(applied).toMatchObject({ spec: { replicas: 3, paused: true } });
    const owners = applied.metadata?.managedFields?.map(
      ({ manager, operation }) => `${manager} ${operation}`,
    );
    expect(owners).toContain("client-node Apply");
    const read = await objects.read(header);
    expect(read.metadata?.name).toBe("shop");
    expect(await objects.replace(read)).toMatchObject({ kind: "Application" });
    const list = await objects.list("lighthouse.dev/v1", "Application", namespace);
    expect(list.items.map(({ metadata }) => metadata?.name)).toEqual(["shop"]);
    await objects.delete(header);
    expect(await failure(objects.read(header))).toMatchObject({ code: 404 });
  });

  test("custom objects and their scale", async () => {
    const { config, namespace } = await open();
    const custom = config.makeApiClient(CustomObjectsApi);
    const at = { group: "lighthouse.dev", version: "v1", namespace, plural: "applications" };
    await custom.createNamespacedCustomObject({ ...at, body: application("shop") });
    const body = [{ op: "replace", path: "/spec/replicas", value: 5 }];
    await custom.patchNamespacedCustomObject({ ...at, name: "shop", body });
    const scale = await custom.getNamespacedCustomObjectScale({ ...at, name: "shop" });
    expect(scale).toMatchObject({ kind: "Scale", spec: { replicas: 5 } });
    const list = await custom.listNamespacedCustomObject(at);
    expect(list).toMatchObject({
      kind: "ApplicationList",
      items: [{ metadata: { name: "shop" } }],
    });
    const missing = await failure(custom.getNamespacedCustomObject({ ...at, name: "none" }));
    expect(missing).toMatchObject({ code: 404 });
  });

  test("health, version and metrics", async () => {
    const { config } = await open();
    const health = new Health(config);
    expect([await health.readyz({}), await health.livez({})]).toEqual([true, true]);
    const { gitVersion } = await config.makeApiClient(VersionApi).getCode();
    expect(gitVersion).toContain("+lighthouse");
    expect(await new Metrics(config).getNodeMetrics()).toMatchObject({ kind: "NodeMetricsList" });
  });

  test("a watch delivers events until it is aborted", async () => {
    const { config, namespace } = await open();
    const core = config.makeApiClient(CoreV1Api);
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    const seen: string[] = [];
    const { promise: ended, resolve } = Promise.withResolvers<unknown>();
    const controller = await new Watch(config).watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      { resourceVersion: metadata?.resourceVersion, labelSelector: "watched" },
      (phase: string, object: V1ConfigMap) => seen.push(`${phase} ${object.metadata?.name}`),
      resolve,
    );
    await core.createNamespacedConfigMap({
      namespace,
      body: map(namespace, "one", { watched: "yes" }),
    });
    await core.deleteNamespacedConfigMap({ namespace, name: "one" });
    await eventually("both events came", () => seen.length === 2);
    controller.abort();
    await ended;
    expect(seen).toEqual(["ADDED one", "DELETED one"]);
  });

  test("watches pods from their creation to their end", async () => {
    const { config, namespace } = await open();
    const core = config.makeApiClient(CoreV1Api);
    const seen: string[] = [];
    const { promise: ended, resolve } = Promise.withResolvers<unknown>();
    const controller = await new Watch(config).watch(
      `/api/v1/namespaces/${namespace}/pods`,
      { fieldSelector: "metadata.name=web" },
      (phase: string) => seen.push(phase),
      resolve,
    );
    await core.createNamespacedPod({
      namespace,
      body: pod("web", { nodeName: inject("site").node }),
    });
    await eventually("it changes as it comes up", () => seen.includes("MODIFIED"), {
      timeoutMs: 30_000,
    });
    await core.deleteNamespacedPod({ namespace, name: "web", gracePeriodSeconds: 0 });
    await eventually("its end came", () => seen.includes("DELETED"));
    controller.abort();
    await ended;
    expect([seen[0], seen.at(-1)]).toEqual(["ADDED", "DELETED"]);
  });

  test("an informer mirrors a selection", async () => {
    const { config, namespace } = await open();
    const core = config.makeApiClient(CoreV1Api);
    const labelSelector = "mirror=yes";
    const informer = makeInformer(
      config,
      `/api/v1/namespaces/${namespace}/configmaps`,
      () => core.listNamespacedConfigMap({ namespace, labelSelector }),
      labelSelector,
    );
    const log: string[] = [];
    for (const verb of ["add", "update", "delete"] as const) {
      informer.on(verb, (object) => log.push(`${verb} ${object.metadata?.name}`));
    }
    const mirrored = { mirror: "yes" };
    await core.createNamespacedConfigMap({ namespace, body: map(namespace, "before", mirrored) });
    await informer.start();
    await core.createNamespacedConfigMap({ namespace, body: map(namespace, "after", mirrored) });
    await core.createNamespacedConfigMap({ namespace, body: map(namespace, "other") });
    await eventually("the informer has both", () => log.length === 2);
    const body = [{ op: "remove", path: "/metadata/labels/mirror" }];
    await core.patchNamespacedConfigMap({ namespace, name: "before", body });
    await eventually("what leaves the selection is gone", () => log.length === 3);
    expect(log).toEqual(["add before", "add after", "delete before"]);
    await informer.stop();
  });

  test("an informer whose connection is cut goes on without a gap", async () => {
    const { config, namespace } = await open();
    const sockets = new Set<Socket>();
    const { port: target } = new URL(inject("site").url);
    const proxy = createServer((down) => {
      const up = connect(Number(target), "127.0.0.1");
      for (const [socket, other] of [
        [down, up],
        [up, down],
      ] as const) {
        sockets.add(socket);
        socket.on("error", () => undefined).on("close", () => other.destroy());
      }
      down.pipe(up).pipe(down);
    });
    await new Promise<void>((resolve) => {
      proxy.listen(0, "127.0.0.1", resolve);
    });
    const { port } = proxy.address() as { readonly port: number };
    const cut = new KubeConfig();
    const text = await readFile(inject("site").kubeconfig, "utf8");
    cut.loadFromString(text.replaceAll(`127.0.0.1:${target}`, `127.0.0.1:${port}`));
    const core = config.makeApiClient(CoreV1Api);
    const through = cut.makeApiClient(CoreV1Api);
    const informer = makeInformer(cut, `/api/v1/namespaces/${namespace}/secrets`, () =>
      through.listNamespacedSecret({ namespace }),
    );
    const names = new Set<string>();
    informer.on("add", ({ metadata }) => void names.add(metadata?.name ?? ""));
    informer.on("error", () => {
      void eventually("it starts again", () => informer.start().then(() => true));
    });
    await informer.start();
    await core.createNamespacedSecret({ namespace, body: { metadata: { name: "one" } } });
    await eventually("the first is seen", () => names.has("one"));
    for (const socket of sockets) socket.destroy();
    await core.createNamespacedSecret({ namespace, body: { metadata: { name: "two" } } });
    await eventually("the second is seen", () => names.has("two"), { timeoutMs: 20_000 });
    await informer.stop();
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });

  test("exec and log with a running pod", async () => {
    const { config, namespace } = await open();
    await runningPod(namespace, "web");
    const [out, err] = [sink(), sink()];
    const status = await new Promise((resolve, reject) => {
      new Exec(config)
        .exec(
          namespace,
          "web",
          "web",
          ["sh", "-c", "echo out; echo err >&2; exit 3"],
          out.stream,
          err.stream,
          null,
          false,
          resolve,
        )
        .catch(reject);
    });
    expect([out.text(), err.text(), status]).toMatchObject([
      "out\n",
      "err\n",
      { status: "Failure", reason: "NonZeroExitCode" },
    ]);
    const log = sink();
    await new Log(config).log(namespace, "web", "web", log.stream, { tailLines: 5 });
    await eventually("the log came", () => log.text().includes("listening"));
  });

  test("port-forward carries HTTP", async () => {
    const { config, namespace } = await open();
    await runningPod(namespace, "web");
    const forward = new PortForward(config);
    const server = createServer((socket) => {
      void forward
        .portForward(namespace, "web", [80], socket, null, socket)
        .catch(() => socket.destroy());
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as { readonly port: number };
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining("1")]);
    server.close();
  });

  test("a ConfigMap made of our manifest is the one that is read", async () => {
    const { config, namespace } = await open();
    const core = config.makeApiClient(CoreV1Api);
    const body = configMap("plain", { a: "1" });
    await core.createNamespacedConfigMap({
      namespace,
      body,
      fieldManager: "tester",
      dryRun: "All",
    });
    expect(await failure(core.readNamespacedConfigMap({ namespace, name: "plain" }))).toMatchObject(
      { code: 404 },
    );
  });
});
