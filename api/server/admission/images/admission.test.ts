import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, openTestApp, type TestApp } from "../../../../test/kit/app.ts";

let server: TestApp;
const digest = `sha256:${"a".repeat(64)}`;
const merge = { type: "application/merge-patch+json" };

beforeAll(async () => {
  const images = { allowed: ["docker.io", "good.io"], requireDigest: false };
  server = await openTestApp({ admission: { images: { ...images, exemptNamespaces: ["free"] } } });
  const own = {
    "lighthouse.dev/allowed-images": "docker.io/library, docker.io/team",
    "lighthouse.dev/require-image-digest": "true",
  };
  for (const [name, annotations] of Object.entries({ plain: {}, own, free: {} }))
    await server.send("POST", "/api/v1/namespaces", { metadata: { name, annotations } });
});
afterAll(() => server[Symbol.asyncDispose]());

function makePod(namespace: string, name: string, spec: object): Promise<Answer> {
  const url = `/api/v1/namespaces/${namespace}/pods`;
  return server.send("POST", url, { metadata: { name }, spec });
}

const running = (image: string): object => ({ containers: [{ name: "web", image }] });

test("images are from where the cluster allows, in all containers", async () => {
  expect((await makePod("plain", "good", running("nginx"))).code).toBe(201);
  const { code, body } = await makePod("plain", "bad", {
    ...running("nginx"),
    initContainers: [{ name: "init", image: "evil.io/docker.io/library/nginx" }],
  });
  expect([code, body["message"]]).toEqual([
    403,
    'pods "bad" is forbidden: violates the image policy of the cluster: spec.initContainers[0].image: "evil.io/docker.io/library/nginx" is evil.io/docker.io/library/nginx, allowed are docker.io, good.io',
  ]);
  expect((await makePod("free", "bad", running("evil.io/a"))).code).toBe(201);
  const debug = { spec: { ephemeralContainers: [{ name: "debug", image: "evil.io/a" }] } };
  const url = "/api/v1/namespaces/plain/pods/good";
  expect((await server.send("PATCH", `${url}/ephemeralcontainers`, debug, merge)).code).toBe(403);
  const other = { spec: { containers: [{ name: "web", image: "evil.io/a" }] } };
  const strategic = { type: "application/strategic-merge-patch+json" };
  expect((await server.send("PATCH", url, other, strategic)).code).toBe(403);
});

test("a namespace narrows what the cluster allows, and may ask for digests", async () => {
  expect((await makePod("own", "good", running(`nginx@${digest}`))).code).toBe(201);
  expect((await makePod("own", "tag", running("nginx:1"))).body["message"]).toContain(
    'violates the image policy of namespace "own": spec.containers[0].image: "nginx:1" has no digest',
  );
  expect((await makePod("own", "bad", running(`good.io/a@${digest}`))).body["message"]).toContain(
    "allowed are docker.io/library, docker.io/team",
  );
});

test("the template of an Application is refused when it is written", async () => {
  const url = "/apis/lighthouse.dev/v1/namespaces/plain/applications";
  const spec = { replicas: 1, template: { spec: running("evil.io/a") } };
  const application = { apiVersion: "lighthouse.dev/v1", kind: "Application", spec };
  const { body } = await server.send("POST", url, { ...application, metadata: { name: "bad" } });
  expect(body["message"]).toContain('spec.template.spec.containers[0].image: "evil.io/a"');
});

test("annotations that nobody can follow are refused", async () => {
  const annotations = {
    "lighthouse.dev/allowed-images": "nginx",
    "lighthouse.dev/require-image-digest": "yes",
  };
  const made = { metadata: { name: "typo", annotations } };
  const { code, body } = await server.send("POST", "/api/v1/namespaces", made);
  expect(code).toBe(422);
  expect(body["message"]).toContain("must begin with a registry, e.g. docker.io/nginx");
  expect(body["message"]).toContain('must be "true" or "false"');
});
