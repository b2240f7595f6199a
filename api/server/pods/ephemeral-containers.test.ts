import { afterEach, beforeEach, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";

let server: TestApp;
beforeEach(async () => {
  server = await openTestApp();
  const spec = { containers: [{ name: "web", image: "web:v1" }] };
  await server.send("POST", pods, { metadata: { name: "web" }, spec });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const pods = "/api/v1/namespaces/default/pods";
const url = `${pods}/web/ephemeralcontainers`;
const strategic = { type: "application/strategic-merge-patch+json" };

/** The patch of `kubectl debug web --image=busybox --target=web`. */
const debug = (name: string, over: JsonObject = {}): JsonObject => ({
  spec: {
    ephemeralContainers: [
      {
        name,
        image: "busybox",
        imagePullPolicy: "IfNotPresent",
        stdin: true,
        tty: true,
        targetContainerName: "web",
        terminationMessagePolicy: "File",
        resources: {},
        ...over,
      },
    ],
  },
});
const namesOf = (pod: JsonObject): readonly unknown[] => {
  const { ephemeralContainers = [] } = pod["spec"] as { ephemeralContainers?: JsonObject[] };
  return ephemeralContainers.map(({ name }) => name);
};
const causesOf = async (patch: JsonObject): Promise<readonly string[]> => {
  const { code, body } = await server.send("PATCH", url, patch, strategic);
  expect(code).toBe(422);
  const { causes } = body["details"] as { readonly causes: readonly JsonObject[] };
  return causes.map(({ field, message }) => `${String(field)}: ${String(message)}`);
};

test("kubectl debug adds containers one after another", async () => {
  const first = await server.send("PATCH", url, debug("debugger-1"), strategic);
  expect([first.code, first.body["kind"], namesOf(first.body)]).toEqual([
    200,
    "Pod",
    ["debugger-1"],
  ]);
  const second = await server.send("PATCH", url, debug("debugger-2"), strategic);
  // Without an order in the patch, what it names stands before what it does not.
  expect(namesOf(second.body)).toEqual(["debugger-2", "debugger-1"]);
  expect(metaOf(second.body).generation).toBe(3);
  const { body } = await server.send("GET", url);
  expect(namesOf(body)).toHaveLength(2);
});

test("a PUT adds too, and takes nothing else from the object", async () => {
  const { body: pod } = await server.send("GET", `${pods}/web`);
  const spec = { ...(pod["spec"] as JsonObject), ...(debug("d")["spec"] as JsonObject) };
  const changed = { ...pod, spec: { ...spec, hostNetwork: true } };
  const labelled = { ...changed, metadata: { ...metaOf(pod), labels: { a: "b" } } };
  const { code, body } = await server.send("PUT", url, labelled);
  expect([code, namesOf(body)]).toEqual([200, ["d"]]);
  expect(body["spec"]).not.toHaveProperty("hostNetwork");
  expect(metaOf(body)).not.toHaveProperty("labels");
});

test("what is there stays as it is", async () => {
  await server.send("PATCH", url, debug("d"), strategic);
  expect(await causesOf(debug("d", { image: "other" }))).toEqual([
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "d" may not be changed',
  ]);
  const remove = [{ op: "remove", path: "/spec/ephemeralContainers/0" }];
  const type = { type: "application/json-patch+json" };
  const { code, body } = await server.send("PATCH", url, remove, type);
  expect([code, body["message"]]).toEqual([
    422,
    'Pod "web" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "d" may not be removed',
  ]);
});

test.each<[why: string, over: JsonObject, cause: string]>([
  ["its name is taken", { name: "web" }, 'name: Duplicate value: "web"'],
  ["its target is unknown", { targetContainerName: "x" }, 'targetContainerName: Not found: "x"'],
  [
    "it serves",
    { ports: [{ containerPort: 80 }] },
    "ports: Forbidden: cannot be set for an Ephemeral Container",
  ],
  [
    "it has a share",
    { resources: { limits: { cpu: "1" } } },
    "resources: Forbidden: cannot be set for an Ephemeral Container",
  ],
  ["it has no image", { image: "" }, "image: Required value"],
])("a container is refused when %s", async (_why, over, cause) => {
  expect(await causesOf(debug("d", over))).toEqual([`spec.ephemeralContainers[0].${cause}`]);
});

test("the Pod's own endpoint neither creates nor adds them", async () => {
  const containers = [{ name: "web", image: "web:v1" }];
  const created = await server.send("POST", pods, {
    metadata: { name: "early" },
    spec: { containers, ...(debug("d")["spec"] as JsonObject) },
  });
  expect(created.body["message"]).toMatch(
    /spec.ephemeralContainers: Forbidden: cannot be set on create/,
  );
  const { code, body } = await server.send("PATCH", `${pods}/web`, debug("d"), strategic);
  expect([code, body["message"]]).toEqual([
    422,
    expect.stringMatching(/pod updates may not change/),
  ]);
});

test("a dry run adds nothing, and there is no resize", async () => {
  const { body } = await server.send("PATCH", `${url}?dryRun=All`, debug("d"), strategic);
  expect(namesOf(body)).toEqual(["d"]);
  expect(namesOf((await server.send("GET", `${pods}/web`)).body)).toEqual([]);
  const resize = await server.send("PATCH", `${pods}/web/resize`, {}, strategic);
  expect(resize.code).toBe(404);
});
