import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { createClient, type OwnedClient } from "../../api/client/create-client.ts";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";
import { applications, type Node, nodes, type Pod, pods } from "../../api/machinery/resources.ts";
import { type Cable, layCable } from "../kit/cable.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { kubectls } from "../kit/kubectl.ts";
import { type Lighthouse, startLighthouse } from "../kit/lighthouse.ts";
import { run } from "../kit/run.ts";
import { simulatedEngine } from "../kit/simulated-engine.ts";
import { must } from "./site.ts";

const stack = new AsyncDisposableStack();
/** By name of the Node. */
const cables = new Map<string, Cable>();
let lighthouse: Lighthouse;
let client: OwnedClient;

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "lighthouse-drain-"));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const started = await Promise.all([1, 2, 3].map(() => simulatedEngine()));
  for (const engine of started) stack.use(engine);
  const laid = await Promise.all(started.map(({ url }) => layCable(url)));
  for (const cable of laid) stack.use(cable);
  const docker = laid.map(({ url }) => url);
  lighthouse = stack.use(await startLighthouse({ dataDir, docker }));
  client = stack.use(createClient((await loadKubeconfig({ path: lighthouse.kubeconfig })).config));
  const joined = await eventually("three Nodes are ready", async () => {
    const { items } = await client.list(nodes);
    return items.length === 3 && items.every(isReady) && items;
  });
  for (const cable of laid) {
    await using driver = openEngine(cable.url);
    const { id } = await driver.info();
    const node = joined.find(({ spec }) => spec?.providerID === `docker://${id}`);
    cables.set(node?.metadata.name ?? "", cable);
  }
});
afterAll(() => stack.disposeAsync());

const isReady = ({ status }: Node | Pod): boolean =>
  (status?.conditions ?? []).some(({ type, status: is }) => type === "Ready" && is === "True");

async function apply(name: string, spec: object, template: object = {}): Promise<void> {
  const containers = [{ name: "web", image: testImages.web, imagePullPolicy: "IfNotPresent" }];
  const strategy = { batch: 1, minReadySeconds: 0, monitorSeconds: 0 };
  const manifest = {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name, namespace: "default" },
    spec: {
      ...spec,
      strategy: { ...strategy, ...(spec as { strategy?: object }).strategy },
      template: { spec: { containers, ...template } },
    },
  };
  await must(lighthouse.kubectl(["apply", "-f", "-"], { stdin: JSON.stringify(manifest) }));
  await must(lighthouse.kubectl(["wait", `app/${name}`, "--for=condition=Ready", "--timeout=40s"]));
}

const podsOf = async (name: string): Promise<readonly Pod[]> =>
  (
    await client.list(pods, {
      namespace: "default",
      labelSelector: `lighthouse.dev/application=${name}`,
    })
  ).items;

const nodesOf = async (name: string): Promise<readonly string[]> =>
  (await podsOf(name)).map(({ spec }) => spec.nodeName ?? "");

/** Looks at the pods as often as it can; gives the fewest slots that served, and doubles. */
function observe(name: string) {
  const stop = new AbortController();
  let [least, doubled] = [Infinity, 0];
  const watching = (async () => {
    // It ends with the test's client, whatever became of the test.
    while (!stop.signal.aborted) {
      const serving = (await podsOf(name)).filter(isReady);
      const slots = serving.map(({ metadata }) => metadata.labels?.["lighthouse.dev/slot"]);
      const distinct = new Set(slots).size;
      least = Math.min(least, distinct);
      doubled = Math.max(doubled, slots.length - distinct);
    }
  })();
  return async () => {
    stop.abort();
    await watching;
    return { least, doubled };
  };
}

/** Every third kubectl or so: the oldest and the newest. */
const tools = [kubectls()[0], kubectls().at(-1)].flatMap((one) => one ?? []);

test("kubectl drain empties a Node within the batch, and uncordon gives it back", async () => {
  await apply("swap", { replicas: 4, strategy: { order: "StopFirst" } });
  await apply("beside", { replicas: 3, strategy: { order: "StartFirst" } });
  await apply("agent", { placement: { perNode: true } });
  expect(tools.length).toBeGreaterThan(0);
  for (const [index, { path }] of tools.entries()) {
    const node = [...cables.keys()][index] ?? "";
    const kubectl = (...args: readonly string[]) =>
      run([path, ...args], { env: { KUBECONFIG: lighthouse.kubeconfig }, timeoutMs: 60_000 });
    const [swap, beside] = [observe("swap"), observe("beside")];
    const drained = await must(kubectl("drain", node, "--timeout=50s"));
    expect(drained).toContain(`node/${node} drained`);
    expect((await swap()).least).toBeGreaterThanOrEqual(3);
    expect((await beside()).least).toBe(3);
    for (const name of ["swap", "beside", "agent"]) {
      expect(await nodesOf(name)).not.toContain(node);
    }
    expect(await must(kubectl("get", "node", node))).toContain("Ready,SchedulingDisabled");
    await must(kubectl("uncordon", node));
    await eventually("the slot of the Node is back", async () => {
      return (await nodesOf("agent")).includes(node);
    });
  }
  for (const name of ["swap", "beside", "agent"]) {
    await must(
      lighthouse.kubectl(["wait", `app/${name}`, "--for=condition=Ready", "--timeout=20s"]),
    );
    await must(lighthouse.kubectl(["delete", "app", name]));
  }
});

test("a slot of a drained Node that it cannot leave waits, and fails no rollout", async () => {
  const [drained = "", other = ""] = cables.keys();
  const kubectl = (...args: readonly string[]) => must(lighthouse.kubectl(args));
  const spec = { placement: { nodes: [drained, other] } };
  await apply("fixed", spec);
  await kubectl("drain", drained, "--timeout=50s");
  const waiting = async () => {
    const fixed = await client.get(applications, { namespace: "default", name: "fixed" });
    const reasons = fixed?.status?.rollout?.waits?.map(({ reason }) => reason) ?? [];
    return reasons.includes("NodeCordoned") && fixed?.status;
  };
  await eventually("it says what it waits for", waiting);
  const image = testImages.web2;
  await kubectl(
    "patch",
    "app",
    "fixed",
    "--type=json",
    `-p=${JSON.stringify([
      { op: "replace", path: "/spec/template/spec/containers/0/image", value: image },
    ])}`,
  );
  const status = await eventually("the other slot has the new version", async () => {
    const now = await waiting();
    return now !== false && now?.currentRevision === "fixed-2" && now;
  });
  expect(status).toMatchObject({ rollout: { phase: "Completed" }, ready: "1/2" });
  await kubectl("uncordon", drained);
  await kubectl("wait", "app/fixed", "--for=condition=Ready", "--timeout=20s");
  expect((await nodesOf("fixed")).toSorted()).toEqual([drained, other].toSorted());
  await kubectl("delete", "app", "fixed");
});

test("a NoExecute taint drives out who does not tolerate it", async () => {
  await apply("driven", { replicas: 3 });
  const [node = ""] = await nodesOf("driven");
  await must(lighthouse.kubectl(["taint", "nodes", node, "maintenance=now:NoExecute"]));
  await eventually("every slot serves elsewhere", async () => {
    const serving = (await podsOf("driven")).filter(isReady);
    return serving.length === 3 && serving.every(({ spec }) => spec.nodeName !== node);
  });
  await must(lighthouse.kubectl(["taint", "nodes", node, "maintenance-"]));
  await must(lighthouse.kubectl(["delete", "app", "driven"]));
});

test("a slot of a lost host goes elsewhere after its toleration, and never serves twice", async () => {
  const lost = { operator: "Exists", effect: "NoExecute", tolerationSeconds: 1 };
  const tolerations = ["not-ready", "unreachable"].map((key) => ({
    key: `node.kubernetes.io/${key}`,
    ...lost,
  }));
  await apply("move", { replicas: 3 }, { tolerations });
  const [before] = await podsOf("move");
  const node = before?.spec.nodeName ?? "";
  const cable = cables.get(node);
  const watch = observe("move");
  cable?.cut();
  await eventually(
    "every slot serves elsewhere",
    async () => {
      const serving = (await podsOf("move")).filter(isReady);
      return serving.length === 3 && serving.every(({ spec }) => spec.nodeName !== node);
    },
    { timeoutMs: 60_000 },
  );
  cable?.mend();
  await eventually("the old pod is gone", async () => {
    const left = await podsOf("move");
    return left.length === 3 && !left.some(({ metadata }) => metadata.uid === before?.metadata.uid);
  });
  expect((await watch()).doubled).toBe(0);
  await using driver = openEngine(cable?.url ?? "");
  const uid = before?.metadata.uid ?? "";
  expect(await driver.containers.list({ "lighthouse.dev/pod-uid": uid })).toEqual([]);
});

test("a full Node is updated in place when the old pod stops first", async () => {
  const [node] = (await client.list(nodes)).items;
  const { cpu = "1" } = (node?.status?.allocatable ?? {}) as Readonly<Record<string, string>>;
  const containers = (image: string) => [
    {
      name: "web",
      image,
      imagePullPolicy: "IfNotPresent",
      resources: { requests: { cpu } },
      ports: [{ containerPort: 80, hostPort: 8099 }],
    },
  ];
  const ports = "lighthouse.dev/host-ports=8099";
  await must(lighthouse.kubectl(["annotate", "namespace", "default", ports]));
  const spec = { placement: { nodes: [node?.metadata.name] }, strategy: { order: "StopFirst" } };
  await apply("full", spec, { containers: containers(testImages.web) });
  await apply("full", spec, { containers: containers(testImages.web2) });
  const full = await client.get(applications, { namespace: "default", name: "full" });
  expect(full?.status).toMatchObject({ currentRevision: "full-2", ready: "1/1" });
});
