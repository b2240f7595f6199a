import { expect, test } from "vitest";
import type { AnyObject } from "../../machinery/object.ts";
import { requestInfo } from "../objects/request-info.ts";
import { NodeGraph } from "./node-graph.ts";
import { beaconOf, beaconUser } from "./node-identity.ts";
import { judgeBeacon } from "./node-rules.ts";

const object = (name: string, rest: object, meta: object = {}): AnyObject =>
  ({
    apiVersion: "v1",
    kind: "X",
    metadata: { name, uid: `uid-${name}`, ...meta },
    ...rest,
  }) as never;

const node = (name: string, beacon: string): AnyObject =>
  object(
    name,
    { spec: { providerID: `docker://${name}` } },
    { labels: { "lighthouse.dev/beacon": beacon } },
  );

const pod = (name: string, nodeName: string, secret: string): AnyObject =>
  object(
    name,
    { spec: { nodeName, containers: [{ envFrom: [{ secretRef: { name: secret } }] }] } },
    { namespace: "shop" },
  );

function world(): NodeGraph {
  const graph = new NodeGraph();
  graph.set("nodes", node("n1", "a"));
  graph.set("nodes", node("n2", "b"));
  graph.set("pods", pod("web", "n1", "login"));
  return graph;
}

const verdict = (graph: NodeGraph, beacon: string, method: string, url: string): string =>
  judgeBeacon(graph, beacon, requestInfo(method, url)).is;

const login = "/api/v1/namespaces/shop/secrets/login";

test("NodeGraph follows a Pod that is bound, changed and deleted", () => {
  const graph = world();
  const may = (beacon: string): string => verdict(graph, beacon, "GET", login);
  expect([may("a"), may("b")]).toEqual(["allowed", "foreign"]);
  graph.set("pods", pod("web", "n2", "login"));
  expect([may("a"), may("b")]).toEqual(["foreign", "allowed"]);
  graph.set("pods", pod("web", "n2", "other"));
  expect(may("b")).toBe("foreign");
  graph.set("pods", pod("web", "n2", "login"));
  graph.delete("pods", pod("web", "n2", "login"));
  expect(may("b")).toBe("foreign");
});

test("NodeGraph lets a Node change hands with everything on it", () => {
  const graph = world();
  graph.set("nodes", node("n1", "b"));
  expect(verdict(graph, "a", "GET", login)).toBe("foreign");
  expect(verdict(graph, "b", "GET", login)).toBe("allowed");
  graph.delete("nodes", node("n1", "b"));
  expect(verdict(graph, "b", "GET", login)).toBe("foreign");
});

test("NodeGraph asks nothing of objects that name nothing", () => {
  const graph = new NodeGraph();
  graph.set("nodes", object("bare", {}));
  graph.set("pods", object("bare", {}, { namespace: "shop" }));
  graph.set("beacons", object("bare", {}));
  expect(graph.beaconOf("bare")).toBe("");
  expect(graph.nodeOfPod("shop", "bare")).toBeUndefined();
  expect(graph.asksForLabel("bare", "a", undefined)).toBe(false);
});

test("NodeGraph knows a Pod that is gone until its name is taken again", () => {
  const graph = world();
  const about = { namespace: "shop", name: "web", uid: "uid-web" };
  graph.delete("pods", pod("web", "n1", "login"));
  expect(graph.ownedPod("a", about)).toBe(true);
  expect(graph.ownedPod("a", { ...about, uid: "older" })).toBe(false);
  expect(graph.ownedPod("b", about)).toBe(false);
  graph.set("pods", pod("web", "n2", "login"));
  expect(graph.ownedPod("a", about)).toBe(false);
});

test("NodeGraph remembers a bounded number of Pods that are gone", () => {
  const graph = world();
  for (let i = 0; i < 5_000; i++) {
    graph.set("pods", pod(`p${i}`, "n1", "login"));
    graph.delete("pods", pod(`p${i}`, "n1", "login"));
  }
  const knows = (name: string): boolean =>
    graph.ownedPod("a", { namespace: "shop", name, uid: `uid-${name}` });
  expect([knows("p0"), knows("p4999")]).toEqual([false, true]);
});

test("NodeGraph forgets a kind as a whole, and takes it in again", () => {
  const graph = world();
  graph.clear("nodes");
  graph.clear("pods");
  graph.clear("beacons");
  expect(graph.beaconOf("n1")).toBeUndefined();
  expect(graph.nodesOfEngine("docker://n1").size).toBe(0);
  graph.set("nodes", node("n1", "a"));
  graph.set("pods", pod("web", "n1", "login"));
  expect(verdict(graph, "a", "GET", login)).toBe("allowed");
  expect([...graph.nodesOfEngine("docker://n1")]).toEqual(["n1"]);
});

test.each([
  ["GET", "/healthz", "no opinion"],
  ["GET", "/api/v1/nodes/n1/proxy/info", "no opinion"],
  ["PATCH", login, "no opinion"],
  ["GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1%2C", "allowed"],
  ["GET", "/api/v1/pods?fieldSelector=nonsense", "foreign"],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Dweb", "foreign"],
  ["GET", "/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dweb", "allowed"],
  ["GET", "/api/v1/nodes?labelSelector=%28", "foreign"],
  ["GET", "/api/v1/nodes?watch=1&fieldSelector=metadata.name%3Dn1", "allowed"],
  ["DELETE", "/api/v1/nodes/n1", "allowed"],
  ["DELETE", "/api/v1/nodes", "no opinion"],
  ["DELETE", "/api/v1/nodes/n1/status", "no opinion"],
  ["DELETE", "/api/v1/pods/x/status", "no opinion"],
  ["DELETE", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", "no opinion"],
  ["PATCH", "/api/v1/namespaces/lighthouse-system/configmaps/usage.n1.2026-11", "allowed"],
  ["GET", "/api/v1/namespaces/lighthouse-system/configmaps/usage.n1.2026-11", "allowed"],
  ["PATCH", "/api/v1/namespaces/lighthouse-system/configmaps/usage.n2.2026-11", "foreign"],
  ["DELETE", "/api/v1/namespaces/lighthouse-system/configmaps/usage.n1.2026-11", "no opinion"],
  ["PATCH", "/api/v1/namespaces/shop/configmaps/usage.n1.2026-11", "no opinion"],
  ["GET", "/api/v1/namespaces/shop/configmaps/usage.n1.2026-11", "foreign"],
  ["POST", "/api/v1/namespaces/lighthouse-system/configmaps", "no opinion"],
] as const)("judgeBeacon() says of %s %s: %s", (method, url, want) => {
  expect(verdict(world(), "a", method, url)).toBe(want);
});

test("beaconOf() knows agents by group and name", () => {
  expect(beaconOf({ name: beaconUser("paris"), groups: ["system:beacons"] })).toBe("paris");
  expect(beaconOf({ name: "ann", groups: ["system:beacons"] })).toBe("");
  expect(beaconOf({ name: beaconUser("paris"), groups: [] })).toBeUndefined();
});
