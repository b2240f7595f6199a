import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Answer, openTestApp, type TestApp } from "../../test/kit/app.ts";
import { memoryStore } from "../store/memory.ts";
import { objectIn, objectsIn } from "./kinds/fill.ts";
import type { JsonObject } from "./kinds/kind.ts";

const shop = "/api/v1/namespaces/shop";
const quotas = `${shop}/resourcequotas`;
const merge = { type: "application/merge-patch+json" };

let server: TestApp;
beforeEach(async () => {
  server = await openTestApp();
  await server.send("POST", "/api/v1/namespaces", { metadata: { name: "shop" } });
});
afterEach(() => server[Symbol.asyncDispose]());

type Hard = Readonly<Record<string, string>>;

/** A quota that the controller has counted: nothing is there yet. */
async function limit(hard: Hard, spec: object = {}, name = "cap"): Promise<void> {
  const made = await server.send("POST", quotas, { metadata: { name }, spec: { hard, ...spec } });
  expect(made.code).toBe(201);
  const used = Object.fromEntries(Object.keys(hard).map((key) => [key, "0"]));
  const counted = { status: { hard: objectIn(made.body["spec"] as JsonObject, "hard"), used } };
  expect((await server.send("PATCH", `${quotas}/${name}/status`, counted, merge)).code).toBe(200);
}

const pod = (name: string, resources: object = {}, spec: object = {}): object => ({
  metadata: { name },
  spec: { containers: [{ name: "main", image: "i", resources }], ...spec },
});

const createPod = (body: object, query = ""): Promise<Answer> =>
  server.send("POST", `${shop}/pods${query}`, body);

async function used(name = "cap"): Promise<JsonObject | undefined> {
  const { body } = await server.send("GET", `${quotas}/${name}`);
  return objectIn(objectIn(body, "status") ?? {}, "used");
}

const small = {
  requests: { cpu: "100m", memory: "64Mi" },
  limits: { cpu: "200m", memory: "64Mi" },
};

describe("ResourceQuota", () => {
  test("lets objects through until it is full, and says so in Kubernetes' words", async () => {
    await limit({ pods: "2", "requests.cpu": "250m", "limits.memory": "1Gi" });
    expect((await createPod(pod("a", small))).code).toBe(201);
    expect((await createPod(pod("b", small))).code).toBe(201);
    const { code, body } = await createPod(pod("c", small));
    expect(code).toBe(403);
    expect(body["message"]).toBe(
      'pods "c" is forbidden: exceeded quota: cap, requested: pods=1,requests.cpu=100m, used: pods=2,requests.cpu=200m, limited: pods=2,requests.cpu=250m',
    );
    expect(await used()).toEqual({ pods: "2", "requests.cpu": "200m", "limits.memory": "128Mi" });
  });

  test("wants every container to say what it limits", async () => {
    await limit({ "limits.cpu": "1", "requests.memory": "1Gi" });
    const { code, body } = await createPod(pod("a", { requests: { cpu: "1" } }));
    expect([code, body["message"]]).toEqual([
      403,
      'pods "a" is forbidden: failed quota: cap: must specify limits.cpu for: main; requests.memory for: main',
    ]);
  });

  test("is not known before it was counted", async () => {
    await server.send("POST", quotas, { metadata: { name: "new" }, spec: { hard: { pods: "5" } } });
    const { code, body } = await createPod(pod("a"));
    expect([code, body["message"]]).toEqual([
      403,
      'pods "a" is forbidden: status unknown for quota: new, resources: pods',
    ]);
  });

  test("counts objects of any kind, ours too", async () => {
    await limit({ configmaps: "1", "count/applications.lighthouse.dev": "0" });
    const map = (name: string): Promise<Answer> =>
      server.send("POST", `${shop}/configmaps`, { metadata: { name } });
    expect([(await map("a")).code, (await map("b")).code]).toEqual([201, 403]);
    const app = await server.send("POST", "/apis/lighthouse.dev/v1/namespaces/shop/applications", {
      apiVersion: "lighthouse.dev/v1",
      kind: "Application",
      metadata: { name: "web" },
      spec: { replicas: 1, template: { spec: { containers: [{ name: "a", image: "i" }] } } },
    });
    expect([app.code, app.body["message"]]).toEqual([
      403,
      'applications.lighthouse.dev "web" is forbidden: exceeded quota: cap, requested: count/applications.lighthouse.dev=1, used: count/applications.lighthouse.dev=0, limited: count/applications.lighthouse.dev=0',
    ]);
    expect((await server.send("POST", `${shop}/secrets`, { metadata: { name: "s" } })).code).toBe(
      201,
    );
  });

  test("takes nothing on a dry run, nor for a name that is taken", async () => {
    await limit({ pods: "1" });
    expect((await createPod(pod("a"), "?dryRun=All")).code).toBe(201);
    expect(await used()).toEqual({ pods: "0" });
    expect((await createPod(pod("a"))).code).toBe(201);
    expect((await createPod(pod("a"))).code).toBe(409);
    expect((await createPod(pod("b"), "?dryRun=All")).code).toBe(403);
    expect(await used()).toEqual({ pods: "1" });
  });

  test("of scope NotBestEffort is about pods that ask for something", async () => {
    await limit({ pods: "0" }, { scopes: ["NotBestEffort"] });
    expect((await createPod(pod("out"))).code).toBe(201);
    expect((await createPod(pod("in", small))).code).toBe(403);
  });

  test("two of them both count, and what one refuses the other does not take", async () => {
    await limit({ pods: "5" }, {}, "a");
    await limit({ pods: "1" }, {}, "b");
    expect((await createPod(pod("one"))).code).toBe(201);
    expect((await createPod(pod("two"))).code).toBe(403);
    expect([await used("a"), await used("b")]).toEqual([{ pods: "1" }, { pods: "1" }]);
  });

  test("is never exceeded by a hundred creations at once, on two servers of one store", async () => {
    await using store = memoryStore();
    await using first = await openTestApp({ store });
    await using second = await openTestApp({ store });
    const before = server;
    await first.send("POST", "/api/v1/namespaces", { metadata: { name: "shop" } });
    server = first;
    await limit({ pods: "30", "requests.cpu": "10" });
    const url = `${quotas}/cap`;
    await expect
      .poll(async () => (await second.send("GET", `${url}?resourceVersion=0`)).text)
      .toContain('"used"');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        (index % 2 === 0 ? first : second).send("POST", `${shop}/pods`, pod(`p${index}`, small)),
      ),
    );
    const codes = answers.map(({ code }) => code);
    expect(codes.filter((code) => code === 201)).toHaveLength(30);
    expect(codes.filter((code) => code === 403)).toHaveLength(70);
    expect(await used()).toEqual({ pods: "30", "requests.cpu": "3" });
    const { body } = await first.send("GET", `${shop}/pods`);
    expect(objectsIn(body, "items")).toHaveLength(30);
    server = before;
  });

  test.each([
    [{ hard: { pods: "1.5" } }, "must be an integer"],
    [{ hard: { cpu: "-1" } }, "must be greater than or equal to 0"],
    [{ hard: { cpu: "lots" } }, "quantities must match"],
    [{ hard: { wishes: "1" } }, "must be a standard resource for quota"],
    [{ scopes: ["Nope"] }, "supported values"],
    [{ scopes: ["BestEffort", "NotBestEffort"] }, "conflicting scopes"],
    [{ scopes: ["BestEffort"], hard: { "limits.cpu": "1" } }, "unsupported scope applied"],
  ])("with spec %j is refused", async (spec, why) => {
    const { code, body } = await server.send("POST", quotas, { metadata: { name: "x" }, spec });
    expect([code, String(body["message"])]).toEqual([422, expect.stringContaining(why)]);
  });

  test("keeps what was let through when people replace it", async () => {
    await limit({ pods: "1" });
    await createPod(pod("a"));
    const body = { metadata: { name: "cap", annotations: {} }, spec: { hard: { pods: "3" } } };
    const { text } = await server.send("PUT", `${quotas}/cap`, body);
    expect(text).toContain("lighthouse.dev/quota-reservations");
  });

  test("shows what is taken as `kubectl get` does", async () => {
    await limit({ pods: "2", "limits.cpu": "1" });
    await createPod(pod("a", small));
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const { body } = await server.send("GET", quotas, undefined, { accept });
    const [row] = objectsIn(body, "rows");
    expect(row?.["cells"]).toEqual(["cap", "pods: 1/2", "limits.cpu: 200m/1", expect.any(String)]);
  });
});

describe("LimitRange", () => {
  const ranges = `${shop}/limitranges`;
  const range = async (...limits: readonly object[]): Promise<void> => {
    const body = { metadata: { name: "range" }, spec: { limits } };
    expect((await server.send("POST", ranges, body)).code).toBe(201);
  };

  test("gives containers what they do not say, and tells what it gave", async () => {
    await range({
      type: "Container",
      default: { cpu: "500m", memory: "128Mi" },
      defaultRequest: { cpu: "100m" },
    });
    const { body } = await createPod(pod("a", { limits: { memory: "64Mi" } }));
    const [container] = objectsIn(objectIn(body, "spec"), "containers");
    expect(container?.["resources"]).toEqual({
      limits: { cpu: "500m", memory: "64Mi" },
      requests: { cpu: "100m", memory: "64Mi" },
    });
    expect(objectIn(objectIn(body, "metadata") ?? {}, "annotations")).toMatchObject({
      "kubernetes.io/limit-ranger":
        "LimitRanger plugin set: cpu request for container main; cpu limit for container main",
    });
  });

  test.each([
    [
      { min: { cpu: "200m" } },
      { requests: { cpu: "100m" } },
      "minimum cpu usage per Container is 200m, but request is 100m",
    ],
    [
      { max: { memory: "64Mi" } },
      { limits: { memory: "128Mi" } },
      "maximum memory usage per Container is 64Mi, but limit is 128Mi",
    ],
    [
      { maxLimitRequestRatio: { cpu: "2" } },
      { requests: { cpu: "100m" }, limits: { cpu: "300m" } },
      "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
    ],
    [
      { maxLimitRequestRatio: { cpu: "2" } },
      {},
      "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
    ],
  ])("of %j refuses %j", async (bounds, resources, why) => {
    await range({ type: "Container", ...bounds });
    const { code, body } = await createPod(pod("a", resources));
    expect([code, body["message"]]).toEqual([403, `pods "a" is forbidden: ${why}`]);
  });

  test("of a pod is about its containers together", async () => {
    await range({ type: "Pod", max: { cpu: "300m" } });
    const container = (name: string): object => ({ name, image: "i", resources: small });
    const two = { metadata: { name: "a" }, spec: { containers: ["a", "b"].map(container) } };
    const { code, body } = await createPod(two);
    expect([code, body["message"]]).toEqual([
      403,
      'pods "a" is forbidden: maximum cpu usage per Pod is 300m, but limit is 400m',
    ]);
    expect((await createPod(pod("b"))).body["message"]).toContain("No limit is specified");
    expect((await createPod(pod("c", small))).code).toBe(201);
  });

  test.each([
    [{ min: { cpu: "2" }, max: { cpu: "1" } }, "min value 2 is greater than max value 1"],
    [{ default: { cpu: "2" }, max: { cpu: "1" } }, "default value 2 is greater than max value 1"],
    [{ max: { cpu: "-1" } }, "must be greater than or equal to 0"],
    [{ max: { wishes: "1" } }, "must be a standard resource type"],
    [{ maxLimitRequestRatio: { cpu: "500m" } }, "ratio 500m is less than 1"],
    [{ type: "Pod", default: { cpu: "1" } }, "may not be specified when `type` is 'Pod'"],
    [{ type: "" }, "Required value"],
    [{ type: "Thing" }, "must be a standard limit type"],
  ])("with %j is refused", async (item, why) => {
    const spec = { limits: [{ type: "Container", ...item }] };
    const { code, body } = await server.send("POST", ranges, { metadata: { name: "x" }, spec });
    expect([code, String(body["message"])]).toEqual([422, expect.stringContaining(why)]);
  });
});
