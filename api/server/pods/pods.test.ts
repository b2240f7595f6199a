import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { fakeStreams } from "../../../test/kit/fake-streams.ts";
import { notFound } from "../../machinery/errors.ts";
import type { JsonObject } from "../kinds/kind.ts";
import type { LogOptions, PodStreams } from "./pod-streams.ts";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
  const labels = { "pod-security.kubernetes.io/enforce": "privileged" };
  await server.send("PATCH", "/api/v1/namespaces/default", { metadata: { labels } }, merge);
});
afterAll(() => server[Symbol.asyncDispose]());

const pods = "/api/v1/namespaces/default/pods";
const merge = { type: "application/merge-patch+json" };
const specOf = (object: JsonObject): JsonObject => object["spec"] as JsonObject;

async function makePod(name: string, spec: object = {}): Promise<JsonObject> {
  const containers = [{ name: "web", image: "registry.example/web:1" }];
  const { code, body } = await server.send("POST", pods, {
    metadata: { name },
    spec: { containers, ...spec },
  });
  expect(code).toBe(201);
  return body;
}

const binding = (target: object, metadata: object = {}): object => ({
  apiVersion: "v1",
  kind: "Binding",
  metadata,
  target,
});

describe("binding", () => {
  test("puts a Pod on a Node, once", async () => {
    await makePod("bind");
    const url = `${pods}/bind/binding`;
    const sent = binding({ kind: "Node", name: "n1" }, { annotations: { "a.example/b": "c" } });
    const done = await server.send("POST", url, sent);
    expect([done.code, done.body]).toMatchObject([201, { kind: "Status", status: "Success" }]);
    const { body } = await server.send("GET", `${pods}/bind`);
    expect(specOf(body)["nodeName"]).toBe("n1");
    expect(body).toMatchObject({
      metadata: { annotations: { "a.example/b": "c" } },
      status: { phase: "Pending", conditions: [{ type: "PodScheduled", status: "True" }] },
    });
    const again = await server.send("POST", url, binding({ kind: "Node", name: "n2" }));
    expect([again.code, again.body["message"]]).toEqual([
      409,
      'Operation cannot be fulfilled on pods/binding "bind": pod bind is already assigned to node "n1"',
    ]);
  });

  test("of 32 schedulers at once exactly one wins", async () => {
    await makePod("contested");
    const codes = await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        const sent = binding({ name: `n${index}` });
        return (await server.send("POST", `${pods}/contested/binding`, sent)).code;
      }),
    );
    expect(codes.filter((code) => code === 201)).toHaveLength(1);
    expect(codes.filter((code) => code === 409)).toHaveLength(31);
  });

  test.each([
    ["another incarnation", { name: "n1" }, { uid: "other" }, 409],
    ["another kind of target", { kind: "Service", name: "n1" }, {}, 422],
    ["no target", {}, {}, 422],
  ])("refuses %s", async (_what, target, metadata, code) => {
    await server.send("DELETE", `${pods}/refuses`);
    await makePod("refuses");
    const answer = await server.send("POST", `${pods}/refuses/binding`, binding(target, metadata));
    expect(answer.code).toBe(code);
  });
});

describe("spec", () => {
  test("gets the defaults that Kubernetes gives", async () => {
    const container = {
      name: "web",
      image: "web",
      ports: [{ containerPort: 80 }],
      readinessProbe: { httpGet: { port: 80 } },
      resources: { limits: { cpu: 1, memory: "64Mi" } },
      env: [{ name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
      volumeMounts: [{ name: "scratch", mountPath: "/scratch" }],
    };
    const spec = { containers: [container], volumes: [{ name: "scratch" }], hostNetwork: true };
    const made = specOf(await makePod("defaults", spec));
    expect(made).toMatchObject({
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      volumes: [{ name: "scratch", emptyDir: {} }],
    });
    expect((made["containers"] as readonly unknown[])[0]).toMatchObject({
      imagePullPolicy: "Always",
      ports: [{ containerPort: 80, protocol: "TCP", hostPort: 80 }],
      readinessProbe: { periodSeconds: 10, httpGet: { path: "/", scheme: "HTTP" } },
      resources: { limits: { cpu: "1" }, requests: { cpu: "1", memory: "64Mi" } },
      env: [{ valueFrom: { fieldRef: { apiVersion: "v1" } } }],
    });
  });

  test.each([
    ["web", "Always"],
    ["web:latest", "Always"],
    ["web:1", "IfNotPresent"],
    ["registry.example:5000/web", "Always"],
    ["registry.example:5000/web:2", "IfNotPresent"],
    [`web@sha256:${"a".repeat(64)}`, "IfNotPresent"],
  ])("image %s is pulled %s", async (image, policy) => {
    const { body } = await server.send("POST", `${pods}?dryRun=All`, {
      metadata: { name: "pull" },
      spec: { containers: [{ name: "a", image }] },
    });
    expect(specOf(body)["containers"]).toMatchObject([{ imagePullPolicy: policy }]);
  });

  const good = { name: "a", image: "a:1" };
  test.each([
    ["no container", { containers: [] }, ["spec.containers"]],
    ["twin names", { containers: [good, good] }, ["spec.containers[1].name"]],
    ["a container without an image", { containers: [{ name: "a" }] }, ["spec.containers[0].image"]],
    [
      "a bad port",
      { containers: [{ ...good, ports: [{ containerPort: 70_000 }] }] },
      ["spec.containers[0].ports[0].containerPort"],
    ],
    [
      "a mount of no volume",
      { containers: [{ ...good, volumeMounts: [{ name: "x", mountPath: "/x" }] }] },
      ["spec.containers[0].volumeMounts[0].name"],
    ],
    [
      "a bad restart policy",
      { containers: [good], restartPolicy: "Often" },
      ["spec.restartPolicy"],
    ],
    [
      "two sources of a volume",
      { containers: [good], volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/" } }] },
      ["spec.volumes[0].hostPath"],
    ],
    [
      "a value from two places",
      {
        containers: [
          {
            ...good,
            env: [
              { name: "A", value: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            ],
          },
        ],
      },
      ["spec.containers[0].env[0].valueFrom"],
    ],
  ])("refuses %s", async (_what, spec, fields) => {
    const { code, body } = await server.send("POST", pods, { metadata: { name: "bad" }, spec });
    expect(code).toBe(422);
    const causes = (body["details"] as JsonObject)["causes"] as readonly JsonObject[];
    expect(causes.map(({ field }) => field)).toEqual(fields);
  });

  test("may change in its images only, and never in its node", async () => {
    await makePod("fixed");
    const patch = (spec: object): Promise<{ readonly code: number }> =>
      server.send("PATCH", `${pods}/fixed`, { spec }, merge);
    const renamed = [{ name: "web", image: "registry.example/web:2" }];
    const { body } = await server.send("GET", `${pods}/fixed`);
    const [container] = specOf(body)["containers"] as readonly JsonObject[];
    const containers = [{ ...container, image: "registry.example/web:2" }];
    expect((await patch({ containers })).code).toBe(200);
    expect((await patch({ containers: renamed.map((one) => ({ ...one, tty: true })) })).code).toBe(
      422,
    );
    expect((await patch({ nodeName: "elsewhere" })).code).toBe(422);
  });
});

test("field selectors find the pods of a node, and those that still run", async () => {
  await makePod("on-n9", { nodeName: "n9" });
  await makePod("done-n9", { nodeName: "n9" });
  const status = { status: { phase: "Succeeded" } };
  await server.send("PATCH", `${pods}/done-n9/status`, status, merge);
  const selector = encodeURIComponent(
    "spec.nodeName=n9,status.phase!=Succeeded,status.phase!=Failed",
  );
  const { body } = await server.send("GET", `/api/v1/pods?fieldSelector=${selector}`);
  expect(body["items"]).toMatchObject([{ metadata: { name: "on-n9" } }]);
});

describe("log", () => {
  function streams(lines: readonly string[], seen: LogOptions[] = []): PodStreams {
    return fakeStreams({
      async *logs(_pod, options) {
        seen.push(options);
        for (const line of lines) yield Buffer.from(line);
      },
    });
  }

  test("streams the text of the agent, with the options of the query", async () => {
    await makePod("talks", { nodeName: "n-log" });
    const seen: LogOptions[] = [];
    const unregister = server.nodes.register("n-log", streams(["one\n", "two\n"], seen));
    const { code, text, headers } = await server.send(
      "GET",
      `${pods}/talks/log?follow=True&tailLines=5&timestamps=1&previous=false&sinceSeconds=9&limitBytes=99`,
    );
    expect([code, text, headers["content-type"]]).toEqual([200, "one\ntwo\n", "text/plain"]);
    expect(seen).toEqual([
      {
        container: "web",
        follow: true,
        previous: false,
        timestamps: true,
        tailLines: 5,
        sinceSeconds: 9,
        limitBytes: 99,
      },
    ]);
    unregister();
    const gone = await server.send("GET", `${pods}/talks/log`);
    expect([gone.code, gone.body["message"]]).toEqual([
      503,
      'Cannot reach node "n-log": no agent of it is connected',
    ]);
  });

  test("begins its answer at once, also when nothing is said yet", async () => {
    await makePod("quiet", { nodeName: "n-quiet" });
    const silence = fakeStreams({
      async *logs(_pod, _options, signal) {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        yield Buffer.from("never");
      },
    });
    server.nodes.register("n-quiet", silence);
    await using stream = await server.stream(`${pods}/quiet/log?follow=true`);
    expect(stream.code).toBe(200);
  });

  test("says when the container has not started", async () => {
    await makePod("early", { nodeName: "n-early" });
    const refusing = fakeStreams({
      logs: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => Promise.reject(notFound({ group: "", plural: "containers" }, "web")),
        }),
      }),
    });
    server.nodes.register("n-early", refusing);
    const { code, body } = await server.send("GET", `${pods}/early/log`);
    expect([code, body["message"]]).toEqual([
      400,
      'container "web" in pod "early" is waiting to start',
    ]);
  });

  test.each([
    ["container=other", "container other is not valid for pod two"],
    ["", "a container name must be specified for pod two, choose one of: [a b]"],
    ["container=a&sinceTime=yesterday", "must be RFC 3339"],
    ["container=a&tailLines=-1", "must be an integer of 0 or more"],
    ["container=a&sinceTime=2026-01-01T00:00:00Z&sinceSeconds=1", "at most one of"],
  ])("refuses ?%s", async (query, words) => {
    await server.send("POST", pods, {
      metadata: { name: "two" },
      spec: { nodeName: "n", containers: [good("a"), good("b")] },
    });
    const { code, body } = await server.send("GET", `${pods}/two/log?${query}`);
    expect([code, body["message"]]).toEqual([400, expect.stringContaining(words)]);
  });

  test("a Pod without a node has no log yet", async () => {
    await makePod("nowhere");
    const { code, body } = await server.send("GET", `${pods}/nowhere/log`);
    expect([code, body["message"]]).toEqual([400, "pod nowhere does not have a host assigned"]);
  });
});

const good = (name: string): object => ({ name, image: `${name}:1` });
