import { afterAll, beforeAll, expect, test } from "vitest";
import { asUser, type Method, openTestApp, type TestApp } from "../../test/kit/app.ts";
import { collectionPath, objectPath } from "../machinery/gvk.ts";
import type { Decision } from "./access.ts";
import { evaluate } from "./authz/evaluate.ts";
import { RbacIndex } from "./authz/rbac-index.ts";
import type { Kind } from "./kinds/kind.ts";
import { requestInfo } from "./objects/request-info.ts";

/** One request to one route. */
type Step = { readonly method: Method; readonly url: string };

const methods: Readonly<Record<string, Method>> = {
  get: "GET",
  list: "GET",
  watch: "GET",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
  deletecollection: "DELETE",
};

/** Every verb of a kind and of its subresources, as clients send them. */
function stepsOf(kind: Kind): readonly Step[] {
  const collection = collectionPath(kind, "default");
  const key = kind.namespaced ? { namespace: "default", name: "x" } : { name: "x" };
  const onCollection = new Set(["list", "watch", "create", "deletecollection"]);
  const own = kind.verbs.map((verb): Step => {
    const url = onCollection.has(verb) ? collection : objectPath(kind, key);
    return { method: methods[verb] ?? "GET", url: verb === "watch" ? `${url}?watch=true` : url };
  });
  const parts = kind.subresources.flatMap(({ name, verbs }) =>
    verbs.map((verb): Step => ({
      method: methods[verb] ?? "GET",
      url: objectPath(kind, key, name),
    })),
  );
  return [...own, ...parts];
}

let server: TestApp;
let steps: readonly Step[];
beforeAll(async () => {
  server = await openTestApp({ guarded: true });
  const paths = [
    "/api",
    "/apis",
    "/version",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/openid/v1/jwks",
  ];
  const others = paths.map((url): Step => ({ method: "GET", url }));
  steps = [...server.scope.kinds.list().flatMap(stepsOf), ...others];
});
afterAll(() => server[Symbol.asyncDispose]());

test("no route of any kind answers a stranger, or a user without a right", async () => {
  expect(steps.length).toBeGreaterThan(150);
  const open: string[] = [];
  for (const { method, url } of steps) {
    const stranger = await server.send(method, url);
    const known = await server.send(method, url, undefined, { headers: asUser("ann") });
    if (stranger.code === 401 && known.code === 403) continue;
    open.push(`${method} ${url}: ${stranger.code} ${known.code}`);
  }
  // Everybody who is known may learn what there is (which this app has no routes for), and ask who
  // they are and what they may do.
  expect(open.filter((line) => !/^POST .*\/selfsubject\w*reviews: 401 4/.test(line))).toEqual([
    "GET /api: 401 404",
    "GET /apis: 401 404",
    "GET /version: 401 404",
    "GET /openapi/v2: 401 404",
    "GET /openapi/v3: 401 404",
  ]);
});

test("a user who has exactly one right has no other", () => {
  for (const { method, url } of steps) {
    const { verb, path, resource } = requestInfo(method, url);
    const rule =
      resource === undefined
        ? { verbs: [verb], nonResourceURLs: [path] }
        : {
            verbs: [verb],
            apiGroups: [resource.group],
            resources: [
              resource.subresource === ""
                ? resource.plural
                : `${resource.plural}/${resource.subresource}`,
            ],
          };
    const index = new RbacIndex();
    const metadata = { name: "one", uid: "", resourceVersion: "1", creationTimestamp: "" };
    const common = { apiVersion: "rbac.authorization.k8s.io/v1", metadata };
    index.set("clusterroles", { ...common, kind: "ClusterRole", rules: [rule] });
    index.set("clusterrolebindings", {
      ...common,
      kind: "ClusterRoleBinding",
      roleRef: { kind: "ClusterRole", name: "one" },
      subjects: [{ kind: "User", name: "ann" }],
    });
    const decide = (step: Step): Decision =>
      evaluate(index, { name: "ann", groups: [] }, requestInfo(step.method, step.url));
    const allowed = steps.filter((step) => decide(step).allowed);
    for (const step of allowed) expect(sameRight(step, { method, url })).toBe(true);
    expect(allowed.length).toBeGreaterThan(0);
  }
});

/** Versions of one API group are one right. */
function sameRight(left: Step, right: Step): boolean {
  const [one, other] = [left, right].map((step) => requestInfo(step.method, step.url));
  const withoutVersion = ({ verb, path, resource }: ReturnType<typeof requestInfo>): string => {
    if (resource === undefined) return `${verb} ${path}`;
    const { group, plural, subresource } = resource;
    return `${verb} ${group} ${plural} ${subresource}`;
  };
  return one !== undefined && other !== undefined && withoutVersion(one) === withoutVersion(other);
}
