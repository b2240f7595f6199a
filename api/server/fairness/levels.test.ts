import { expect, test } from "vitest";
import { requestInfo } from "../objects/request-info.ts";
import { isLongRunning, levels, placeOf } from "./levels.ts";

const lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1";
const pods = "/api/v1/namespaces/shop/pods";

test.each([
  ["a node's heartbeat", ["system:nodes"], "PUT", lease, "system"],
  ["a beacon's heartbeat", ["system:beacons"], "PATCH", lease, "system"],
  ["an agent's report", ["system:beacons"], "PATCH", `${pods}/a/status`, "system"],
  ["leader election", ["system:lighthouse:controllers"], "PUT", lease, "system"],
  ["an agent's list", ["system:beacons"], "GET", pods, "workload-high"],
  ["a list of leases", ["system:beacons"], "GET", lease.slice(0, -3), "workload-high"],
  ["a controller's write", ["system:lighthouse:controllers"], "POST", pods, "workload-high"],
  ["a workload", ["system:serviceaccounts", "system:authenticated"], "GET", pods, "workload-low"],
  [
    "a workload of ours",
    ["system:serviceaccounts", "system:serviceaccounts:kube-system"],
    "GET",
    pods,
    "workload-high",
  ],
  ["a user's lease", ["system:authenticated"], "PUT", lease, "global-default"],
  ["an administrator", ["system:masters", "system:authenticated"], "GET", pods, "administrators"],
  ["a stranger", ["system:unauthenticated"], "GET", pods, "catch-all"],
])("placeOf() %s", (...[, groups, method, url, want]) => {
  const { level, flow } = placeOf({ name: "someone", groups }, requestInfo(method, url));
  expect([level.name, flow]).toEqual([want, "someone"]);
});

test("every level has its own uid", () => {
  const uids = Object.values(levels).map(({ uid }) => uid);
  expect(new Set(uids).size).toBe(uids.length);
});

test.each([
  ["GET", `${pods}?watch=1`, true],
  ["GET", `${pods}/a/log?follow=1`, true],
  ["POST", `${pods}/a/exec`, true],
  ["GET", pods, false],
  ["PATCH", `${pods}/a/status`, false],
])("isLongRunning() %s %s: %s", (method, url, want) => {
  expect(isLongRunning(requestInfo(method, url))).toBe(want);
});
