import { expect, test } from "vitest";
import type { Node } from "../../machinery/resources.ts";
import { label } from "../../../crds/labels.ts";
import { addFleetMetrics } from "./fleet-metrics.ts";
import { openRegistry } from "./registry.ts";

function node(name: string, beacon: string, ready: "True" | "False", cpu: string): Node {
  const labels = { [label.beacon]: beacon, [label.provider]: "local" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      uid: name,
      resourceVersion: "1",
      creationTimestamp: "2026-11-21T00:00:00Z",
      labels,
    },
    status: {
      capacity: { cpu, memory: "2Gi" },
      allocatable: { cpu: "1500m", memory: "1Gi" },
      conditions: [{ type: "Ready", status: ready }],
    },
  };
}

test("addFleetMetrics() adds up the Nodes of each beacon and provider", () => {
  const registry = openRegistry();
  const bare: Node = { ...node("n4", "", "True", "1"), status: {} };
  const nodes = [
    node("n1", "paris", "True", "4"),
    node("n2", "paris", "False", "2"),
    node("n3", "rome", "True", "8"),
    bare,
  ];
  addFleetMetrics(registry, () => nodes);
  const lines = registry.render().split("\n");
  const paris = 'beacon="paris",provider="local"';
  expect(lines).toEqual(
    expect.arrayContaining([
      `lighthouse_nodes{${paris}} 2`,
      `lighthouse_nodes_ready{${paris}} 1`,
      `lighthouse_nodes_capacity_cpu_cores{${paris}} 6`,
      `lighthouse_nodes_capacity_memory_bytes{${paris}} ${4 * 1024 ** 3}`,
      `lighthouse_nodes_allocatable_cpu_cores{${paris}} 3`,
      `lighthouse_nodes_allocatable_memory_bytes{${paris}} ${2 * 1024 ** 3}`,
      'lighthouse_nodes_capacity_cpu_cores{beacon="rome",provider="local"} 8',
      'lighthouse_nodes_capacity_cpu_cores{beacon="",provider="local"} 0',
    ]),
  );
});
