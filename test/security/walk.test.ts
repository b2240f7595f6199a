import { afterAll, beforeAll, expect, test } from "vitest";
import { type RequestInfo, requestInfo } from "../../api/server/objects/request-info.ts";
import type { NodeHandler } from "../../api/tunnel/node-link.ts";
import type { PodStreams } from "../../api/server/pods/pod-streams.ts";
import { eventually } from "../kit/eventually.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";
import { recordRoutes, type Route } from "./kit/served-routes.ts";
import {
  distinct,
  dockerSteps,
  type Resource,
  routeSteps,
  servedResources,
  stepsOf,
  walk,
} from "./kit/walk-steps.ts";
import { openWalker, type Step, type Walker } from "./kit/walker.ts";

/** What answers everybody, credentials or not. Another one is a decision: write it down here. */
const publicRoutes = [
  "/.well-known/lighthouse/ca.crt",
  "/.well-known/lighthouse/login",
  "/auth/login",
  "/auth/refresh",
  "/auth/setup",
  "/healthz",
  "/healthz/*",
  "/livez",
  "/livez/*",
  "/readyz",
  "/readyz/*",
];

/** What looks for the caller's own session and takes nothing else: no right to it could be given. */
const ownSession = /^\/auth\/(logout|sessions)(\/|$)/;

/** What everybody may who is known: to learn what there is, and who one is oneself. */
const discovery = new Set(["/", "/api", "/apis", "/version", "/openapi/v2", "/openapi/v3"]);
const aboutOneself = /^\/apis\/auth\w+\.k8s\.io\/v1\w*\/selfsubject\w+(\/|$)/;

function isForEverybody({ method, url }: Step): boolean {
  const [path = ""] = url.split("?");
  if (ownSession.test(path)) return true;
  if (method === "POST") return aboutOneself.test(path);
  const isRead = method === "GET" || method === "HEAD";
  return (
    isRead && (discovery.has(path) || (/^\/(api|apis|openapi)\//.test(path) && isDocument(path)))
  );
}

/** Below /api and /apis: groups and versions, which name no resource. */
const isDocument = (path: string): boolean => requestInfo("GET", path).resource === undefined;

const crd = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.walk.example" },
  spec: {
    group: "walk.example",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {}, scale: scalePaths() },
        schema: {
          openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
    ],
  },
};

function scalePaths(): object {
  return { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
}

const node = { apiVersion: "v1", kind: "Node", metadata: { name: "there" } };
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "there" },
  spec: { nodeName: "there", containers: [{ name: "c", image: "i" }] },
};
const here = { namespace: "default", name: "there" };
const absent = { namespace: "default", name: "absent" };
const nowhere = { namespace: "no-such-namespace", name: "there" };

let rig: AttackRig;
let admin: Walker;
let stranger: Walker;
let routes: readonly Route[];
let resources: readonly Resource[];
let steps: readonly Step[];
let calls = 0;
const stack = new AsyncDisposableStack();

/** Counts whatever reaches an agent. */
function countCalls(): void {
  const handler: NodeHandler = async () => {
    calls += 1;
    throw new Error("counted");
  };
  const streams = new Proxy<Partial<PodStreams>>(
    {},
    {
      get: () => {
        calls += 1;
        throw new Error("counted");
      },
    },
  );
  stack.defer(rig.server.nodes.register("there", streams as PodStreams, handler));
}

beforeAll(async () => {
  const recorder = stack.use(recordRoutes());
  rig = stack.use(await openAttackRig());
  routes = recorder.routes;
  const { admin: access } = rig.server;
  admin = stack.use(openWalker(access, access.client));
  stranger = stack.use(openWalker(access));
  await rig.arrange("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
  await rig.arrange("POST", "/api/v1/nodes", node);
  await rig.arrange("POST", "/api/v1/namespaces/default/pods", pod);
  countCalls();
  const read = async (url: string): Promise<unknown> =>
    JSON.parse((await rig.send("GET", url, { as: access })).text);
  resources = await eventually("the definition is served", async () => {
    const found = await servedResources(read);
    return found.some(({ name }) => name === "widgets/scale") ? found : undefined;
  });
  const generic = resources.flatMap((one) => [...stepsOf(one, here), ...stepsOf(one, nowhere)]);
  const others = [...routeSteps(routes, here), ...dockerSteps("there"), ...dockerSteps("absent")];
  steps = distinct([...generic, ...others]);
});
afterAll(() => stack.disposeAsync());

const lineOf = ({ method, url }: Step): string => `${method} ${url}`;

const isPublic = ({ url }: Step): boolean =>
  publicRoutes.some((pattern) =>
    pattern.endsWith("*") ? url.startsWith(pattern.slice(0, -1)) : url === pattern,
  );

test("nobody without credentials is answered anywhere but on the public routes", async () => {
  const open = await walk(steps, async (step) => {
    const { code, text } = await stranger.send(step);
    const isRefused = code === 401 && (step.method === "HEAD" || statusIn(text) === "Unauthorized");
    return isRefused ? undefined : step;
  });
  const found = open.filter((step) => step !== undefined);
  expect(found.filter((step) => !isPublic(step)).map(lineOf)).toEqual([]);
  const patterns = new Set(routes.map(({ pattern }) => pattern));
  expect(publicRoutes.filter((pattern) => !patterns.has(pattern))).toEqual([]);
  expect(calls).toBe(0);
}, 120_000);

function statusIn(text: string): unknown {
  const { kind, reason } = JSON.parse(text) as { readonly kind: string; readonly reason: string };
  return kind === "Status" ? reason : undefined;
}

test("a user without a right is refused everywhere, before anything is looked for or sent", async () => {
  expect(steps.length).toBeGreaterThan(1_200);
  const guarded = steps.filter((step) => !isPublic(step) && !isForEverybody(step));
  const broken = { as: "ann", body: { not: "an object" } };
  const open = await walk(guarded, async (step) => {
    const { code, text } = await admin.send(step, step.method === "PATCH" ? broken : { as: "ann" });
    const isRefused = code === 403 && (step.method === "HEAD" || statusIn(text) === "Forbidden");
    return isRefused ? undefined : `${lineOf(step)}: ${code}`;
  });
  expect(open.filter((line) => line !== undefined)).toEqual([]);
  expect(calls).toBe(0);
}, 120_000);

test("a refusal is the same whether the object, its namespace or its kind are there", async () => {
  const said = async (step: Step, name: string): Promise<string> => {
    const { code, text } = await admin.send(step, { as: "ann" });
    return `${code} ${text.replaceAll(name, "NAME")}`;
  };
  const told = await walk(resources, async (one) => {
    if (/selfsubject/.test(one.name)) return [];
    const [known = [], unknown = []] = [here, absent].map((place) => stepsOf(one, place));
    const pairs = known.map(async (step, index) => {
      const other = unknown[index] ?? step;
      return (await said(step, "there")) === (await said(other, "absent")) ? [] : [lineOf(step)];
    });
    return (await Promise.all(pairs)).flat();
  });
  expect(told.flat()).toEqual([]);
  const kinds = ["/api/v1/configmaps", "/api/v1/nothings"].map((url) =>
    said({ method: "GET", url }, url.split("/").at(-1) ?? ""),
  );
  const [known, unknown] = await Promise.all(kinds);
  expect(known).toBe(unknown);
}, 120_000);

/** A right, as a role would give it. */
type Right = { readonly key: string; readonly rule: object; readonly steps: Step[] };

function ruleOf({ verb, path, resource }: RequestInfo): object {
  if (resource === undefined) return { verbs: [verb], nonResourceURLs: [path] };
  const { group, plural, subresource } = resource;
  const whole = subresource === "" ? plural : `${plural}/${subresource}`;
  return { verbs: [verb], apiGroups: [group], resources: [whole] };
}

function rightsIn(all: readonly Step[]): readonly Right[] {
  const rights = new Map<string, Right>();
  for (const step of all) {
    const rule = ruleOf(requestInfo(step.method, step.url));
    const key = JSON.stringify(rule);
    const known = rights.get(key) ?? { key, rule, steps: [] };
    known.steps.push(step);
    rights.set(key, known);
  }
  return [...rights.values()];
}

/** What holds for all of a Node's proxy holds for its parts. */
const contains = (right: Right, other: Right): boolean =>
  right.key === other.key ||
  (right.key.includes('"nodes/proxy"') && /"nodes\/(docker-|metrics|stats)/.test(other.key));

async function give(right: Right, index: number): Promise<void> {
  const group = "rbac.authorization.k8s.io";
  const metadata = { name: `walk-${index}` };
  const roleRef = { apiGroup: group, kind: "ClusterRole", name: metadata.name };
  const subjects = [{ apiGroup: group, kind: "User", name: metadata.name }];
  const post = async (plural: string, body: object): Promise<void> => {
    const url = `/apis/${group}/v1/${plural}`;
    expect((await admin.send({ method: "POST", url }, { body })).code).toBe(201);
  };
  await post("clusterroles", { metadata, rules: [right.rule] });
  await post("clusterrolebindings", { metadata, roleRef, subjects });
}

test("a user with one right has that one and no other", async () => {
  const ofResources = resources.flatMap((one) => stepsOf(one, absent));
  const others = [...routeSteps(routes, absent), ...dockerSteps("absent")];
  const guarded = distinct([...ofResources, ...others]).filter(
    (step) => !isPublic(step) && !isForEverybody(step) && step.method !== "HEAD",
  );
  const rights = rightsIn(guarded);
  expect(rights.length).toBeGreaterThan(400);
  const wrong: string[] = [];
  const numbered = rights.map((right, index) => ({ right, index }));
  const check = async ({ right, index }: (typeof numbered)[number]): Promise<void> => {
    await give(right, index);
    const as = `walk-${index}`;
    const isDenied = async (step: Step): Promise<boolean> =>
      / cannot \S+ (resource|path) /.test((await admin.send(step, { as })).text);
    const [own] = right.steps;
    if (own !== undefined && (await isDenied(own))) wrong.push(`${right.key} is not enough`);
    for (let far = 1; far <= 5; far++) {
      const other = rights[(index + far * far * 37) % rights.length];
      const [step] = other?.steps ?? [];
      if (other === undefined || step === undefined || contains(right, other)) continue;
      if (!(await isDenied(step))) wrong.push(`${right.key} is enough for ${lineOf(step)}`);
    }
  };
  const width = 16;
  for (let start = 0; start < numbered.length; start += width)
    await Promise.all(numbered.slice(start, start + width).map(check));
  expect(wrong).toEqual([]);
  await rig.stillServes();
}, 120_000);

test("who has the right to a host is heard there", async () => {
  const before = calls;
  const url = "/api/v1/nodes/there/proxy/info";
  await admin.send({ method: "GET", url });
  expect(calls).toBe(before + 1);
});
