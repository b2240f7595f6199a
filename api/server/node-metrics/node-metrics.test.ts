import { Readable } from "node:stream";
import { afterEach, expect, test } from "vitest";
import type { NodeHandler } from "../../tunnel/node-link.ts";
import type { Usage } from "../../tunnel/node-usage.ts";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { PodStreams } from "../pods/pod-streams.ts";
import { nodeReadings } from "./node-readings.ts";

const noStreams = {} as PodStreams; // metrics never stream
const usage: Usage = {
  cpuNanoCores: 250_000_000,
  memoryBytes: 64 << 20,
  atMs: 5_000,
  windowMs: 15_500,
};
const base = "/apis/metrics.k8s.io/v1beta1";
let app: TestApp | undefined;

afterEach(async () => {
  await app?.[Symbol.asyncDispose]();
  app = undefined;
});

const answering =
  (value: unknown, asked: string[] = []): NodeHandler =>
  async ({ path, caller }) => {
    asked.push(`${path} ${caller.verb} ${caller.resource}`);
    return { status: 200, headers: {}, body: Readable.from([Buffer.from(JSON.stringify(value))]) };
  };

async function open(): Promise<TestApp> {
  app = await openTestApp();
  for (const name of ["n1", "n2"])
    await app.send("POST", "/api/v1/nodes", {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name, labels: { zone: name } },
    });
  return app;
}

async function bind(target: TestApp, name: string, node: string): Promise<string> {
  const { body } = await target.send("POST", "/api/v1/namespaces/default/pods", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: { nodeName: node, containers: [{ name: "app", image: "web:1" }] },
  });
  return (body["metadata"] as { readonly uid: string }).uid;
}

const itemsOf = (body: object): readonly Readonly<Record<string, unknown>>[] =>
  (body as { readonly items: readonly Readonly<Record<string, unknown>>[] }).items;

test("kubectl top nodes sees measured Nodes with their labels, silent ones are left out", async () => {
  const { nodes, send } = await open();
  const asked: string[] = [];
  nodes.register("n1", noStreams, answering({ node: { ...usage, of: "machine" } }, asked));
  const { code, body } = await send("GET", `${base}/nodes`);
  expect(code).toBe(200);
  expect(itemsOf(body)).toMatchObject([
    {
      metadata: {
        name: "n1",
        labels: { zone: "n1" },
        annotations: { "lighthouse.dev/measured": "machine" },
      },
      timestamp: "1970-01-01T00:00:05Z",
      window: "15.5s",
      usage: { cpu: "250000000n", memory: "65536Ki" },
    },
  ]);
  expect(asked).toEqual(["/stats/usage get nodes/stats"]);
  expect((await send("GET", `${base}/nodes/n1`)).body["usage"]).toMatchObject({
    cpu: "250000000n",
  });
  expect((await send("GET", `${base}/nodes/n2`)).code).toBe(404);
  expect(itemsOf((await send("GET", `${base}/nodes?labelSelector=zone%3Dn2`)).body)).toEqual([]);
});

test("kubectl top pods believes an agent about Pods of its Node, and their containers, alone", async () => {
  const target = await open();
  const own = await bind(target, "web", "n1");
  const other = await bind(target, "db", "n2");
  const pods = [
    { uid: own, containers: { app: usage, invented: usage } },
    { uid: other, containers: { app: { ...usage, cpuNanoCores: 1 } } },
  ];
  target.nodes.register("n1", noStreams, answering({ pods }));
  const { body } = await target.send("GET", `${base}/pods`);
  expect(itemsOf(body)).toMatchObject([
    {
      metadata: { name: "web", namespace: "default", labels: { app: "web" } },
      window: "15.5s",
      containers: [{ name: "app", usage: { cpu: "250000000n", memory: "65536Ki" } }],
    },
  ]);
  const of = (query: string) => target.send("GET", `${base}/namespaces/default/pods${query}`);
  expect(itemsOf((await of("?labelSelector=app%3Dweb")).body)).toHaveLength(1);
  expect(itemsOf((await of("?labelSelector=app%3Ddb")).body)).toHaveLength(0);
  expect(itemsOf((await of("?fieldSelector=metadata.name%3Dweb")).body)).toHaveLength(1);
  expect((await of("/web")).code).toBe(200);
  expect((await of("/db")).code).toBe(404);
  expect(itemsOf((await target.send("GET", `${base}/namespaces/kube-system/pods`)).body)).toEqual(
    [],
  );
});

test("many clients cost one question for each Node", async () => {
  const { nodes, send, clock } = await open();
  const asked: string[] = [];
  nodes.register("n1", noStreams, answering({ node: usage }, asked));
  await Promise.all(Array.from({ length: 50 }, () => send("GET", `${base}/nodes`)));
  expect(asked).toHaveLength(1);
  await clock.advance(5_001);
  await send("GET", `${base}/nodes`);
  expect(asked).toHaveLength(2);
});

test("nodeReadings does not wait for a Node that hangs, and takes its last word for a minute", async () => {
  let nowMs = 1_000_000;
  let hangs = false;
  const handler: NodeHandler = async (call, signal) => {
    if (hangs) await new Promise(() => {});
    return answering({ node: usage })(call, signal);
  };
  const readings = nodeReadings({
    nodes: { handler: () => handler },
    nowMs: () => nowMs,
    patienceMs: 20,
  });
  expect((await readings.of("n1"))?.node).toMatchObject(usage);
  hangs = true;
  nowMs += 30_000;
  expect((await readings.of("n1"))?.node).toMatchObject(usage);
  nowMs += 31_000;
  expect(await readings.of("n1")).toBeUndefined();
});

test("nodeReadings leaves out agents that refuse, lie, or talk without end", async () => {
  const saying = (status: number, body: Readable): NodeHandler => {
    return async () => ({ status, headers: {}, body });
  };
  const endless = function* (): Generator<Buffer> {
    for (;;) yield Buffer.alloc(1 << 20);
  };
  const agents: Readonly<Record<string, NodeHandler>> = {
    refuses: saying(503, Readable.from([Buffer.from("{}")])),
    garbles: saying(200, Readable.from([Buffer.from("<html>")])),
    talks: saying(200, Readable.from(endless())),
    breaks: async () => {
      throw new Error("cut");
    },
  };
  const handler = (name: string): NodeHandler => agents[name] ?? answering({});
  const readings = nodeReadings({ nodes: { handler }, nowMs: () => 0 });
  for (const name of Object.keys(agents)) expect(await readings.of(name)).toBeUndefined();
});
