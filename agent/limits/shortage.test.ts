import { expect, test } from "vitest";
import type { Pod } from "../../api/machinery/resources.ts";
import { annotation } from "../../crds/labels.ts";
import { buildPod } from "../../test/kit/pod-world.ts";
import { surplusPods } from "./shortage.ts";

function pod(
  name: string,
  minute: number,
  requests: Record<string, string>,
  more: Partial<Pod> = {},
): Pod {
  const containers = [{ name: "app", image: "web:1", resources: { requests } }];
  const metadata = { name, uid: name, creationTimestamp: `2026-11-21T11:0${minute}:00Z` };
  return { ...buildPod({ metadata, spec: { containers } }), ...more };
}

const names = (pods: readonly Pod[], allocatable: Record<string, string>) =>
  surplusPods(pods, allocatable).map(({ pod: { metadata }, resource }) => [
    metadata.name,
    resource,
  ]);

test("surplusPods() spares the oldest, and those that ask for nothing", () => {
  const all = [
    pod("newest", 3, { cpu: "1" }),
    pod("oldest", 1, { cpu: "1" }),
    pod("middle", 2, { cpu: "1500m" }),
    pod("modest", 4, {}),
  ];
  expect(names(all, { cpu: "4", pods: "9" })).toEqual([]);
  expect(names(all, { cpu: "2", pods: "9" })).toEqual([["middle", "cpu"]]);
  expect(names(all, { cpu: "0", pods: "9" }).map(([name]) => name)).toEqual([
    "oldest",
    "middle",
    "newest",
  ]);
  expect(names(all, { cpu: "4", pods: "3" })).toEqual([["modest", "pods"]]);
  expect(names(all, {})).toEqual([]);
});

test("surplusPods() leaves out what is over or parked", () => {
  const parked = pod("parked", 1, { cpu: "1" });
  const annotations = { [annotation.desiredState]: "Stopped" };
  const all = [
    { ...parked, metadata: { ...parked.metadata, annotations } },
    pod("over", 1, { cpu: "1" }, { status: { phase: "Failed" } }),
    pod("runs", 2, { cpu: "1" }),
  ];
  expect(names(all, { cpu: "1", pods: "9" })).toEqual([]);
});
