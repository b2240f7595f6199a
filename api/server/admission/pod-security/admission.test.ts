import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, openTestApp, type TestApp } from "../../../../test/kit/app.ts";

let server: TestApp;
const level = (text: string) => ({ "pod-security.kubernetes.io/enforce": text });
const merge = { type: "application/merge-patch+json" };

beforeAll(async () => {
  server = await openTestApp();
  for (const [name, labels] of Object.entries({
    plain: {},
    open: level("privileged"),
    tight: level("restricted"),
    told: { "pod-security.kubernetes.io/warn": "restricted" },
  })) {
    await server.send("POST", "/api/v1/namespaces", { metadata: { name, labels } });
  }
});
afterAll(() => server[Symbol.asyncDispose]());

const root = { containers: [{ name: "web", image: "a", securityContext: { privileged: true } }] };
const plain = { containers: [{ name: "web", image: "a" }] };

const makePod = (namespace: string, name: string, spec: object): Promise<Answer> =>
  server.send("POST", `/api/v1/namespaces/${namespace}/pods`, { metadata: { name }, spec });

const applications = (namespace: string): string =>
  `/apis/lighthouse.dev/v1/namespaces/${namespace}/applications`;

const makeApplication = (namespace: string, name: string, spec: object): Promise<Answer> =>
  server.send("POST", applications(namespace), {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name },
    spec: { replicas: 1, template: { spec } },
  });

test("a Pod beyond its namespace's level is refused in Kubernetes' words", async () => {
  expect((await makePod("plain", "good", plain)).code).toBe(201);
  const { code, body } = await makePod("plain", "bad", root);
  expect([code, body["message"]]).toEqual([
    403,
    'pods "bad" is forbidden: violates PodSecurity "baseline:latest": privileged (container "web" must not set securityContext.privileged=true)',
  ]);
  expect((await makePod("open", "bad", root)).code).toBe(201);
  expect((await makePod("kube-system", "bad", root)).code).toBe(201); // exempt
  expect((await makePod("tight", "bad", plain)).body["message"]).toContain(
    'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "web"',
  );
});

test("the template of an Application is refused when it is written, not when it is scaled", async () => {
  const { code, body } = await makeApplication("plain", "bad", root);
  expect([code, body["message"]]).toEqual([
    403,
    expect.stringContaining('applications.lighthouse.dev "bad" is forbidden: violates PodSecurity'),
  ]);
  expect((await makeApplication("open", "old", root)).code).toBe(201);
  // The namespace is closed behind it.
  const relabel = await server.send(
    "PATCH",
    "/api/v1/namespaces/open",
    { metadata: { labels: level("baseline") } },
    merge,
  );
  expect(relabel.code).toBe(200);
  expect(String(relabel.headers["warning"])).toContain(
    'existing pods in namespace \\"open\\" violate the new PodSecurity enforce level \\"baseline:latest\\"',
  );
  expect(String(relabel.headers["warning"])).toContain("bad: privileged");
  const change = (patch: object): Promise<Answer> =>
    server.send("PATCH", `${applications("open")}/old`, patch, merge);
  expect((await change({ spec: { replicas: 3 } })).code).toBe(200);
  const containers = [{ ...root.containers[0], image: "b" }];
  expect((await change({ spec: { template: { spec: { containers } } } })).code).toBe(403);
});

test("a level that only warns says so and lets it in", async () => {
  const { code, headers } = await makePod("told", "loose", plain);
  expect(code).toBe(201);
  expect(String(headers["warning"])).toContain(
    'would violate PodSecurity \\"restricted:latest\\": allowPrivilegeEscalation != false',
  );
});

test("containers for debugging are judged too", async () => {
  await makePod("plain", "host", plain);
  const debug = { name: "debug", image: "b", securityContext: { privileged: true } };
  const patch = { spec: { ephemeralContainers: [debug] } };
  const url = "/api/v1/namespaces/plain/pods/host/ephemeralcontainers";
  const { code, body } = await server.send("PATCH", url, patch, merge);
  expect([code, body["message"]]).toEqual([403, expect.stringContaining('container "debug"')]);
});

test("labels that say nothing possible are refused, and what is there may stay", async () => {
  const make = (metadata: object): Promise<Answer> =>
    server.send("POST", "/api/v1/namespaces", { metadata: { name: "typo", ...metadata } });
  expect((await make({ labels: level("priviledged") })).body["message"]).toContain(
    'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "priviledged": must be one of privileged, baseline, restricted',
  );
  const annotations = { "lighthouse.dev/host-ports": "all" };
  expect((await make({ annotations })).body["message"]).toContain("must be ports from 1 to 65535");
});

test("ports of hosts are those that the namespace names", async () => {
  const metadata = { name: "ports", annotations: { "lighthouse.dev/host-ports": "80,8000-8099" } };
  await server.send("POST", "/api/v1/namespaces", { metadata });
  const taking = (hostPort: number): object => ({
    containers: [{ name: "web", image: "a", ports: [{ containerPort: 80, hostPort }] }],
  });
  expect((await makePod("ports", "fits", taking(8099))).code).toBe(201);
  const { code, body } = await makePod("ports", "alien", taking(8100));
  expect([code, body["message"]]).toEqual([
    403,
    expect.stringContaining(
      'hostPort (container "web" uses hostPort 8100); ports of hosts that namespace "ports" may take are those in its annotation lighthouse.dev/host-ports',
    ),
  ]);
});

test("writing down the level that holds anyhow tells of what came before it did", async () => {
  const url = "/api/v1/namespaces/was-open";
  const metadata = { name: "was-open", labels: level("privileged") };
  await server.send("POST", "/api/v1/namespaces", { metadata });
  expect((await makePod("was-open", "old", root)).code).toBe(201);
  const relabel = async (text: string | null, query = ""): Promise<string> => {
    const labels = { "pod-security.kubernetes.io/enforce": text };
    const patch = { metadata: { labels } };
    return String((await server.send("PATCH", `${url}${query}`, patch, merge)).headers["warning"]);
  };
  expect(await relabel(null)).toContain("old: privileged");
  expect(await relabel("baseline", "?dryRun=All")).toContain("old: privileged");
  expect(await relabel("privileged", "?dryRun=All")).toBe("undefined");
});
