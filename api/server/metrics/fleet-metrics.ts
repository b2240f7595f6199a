import { label } from "../../../crds/labels.ts";
import { type Condition, isConditionTrue } from "../../machinery/conditions.ts";
import { parseQuantity } from "../../machinery/quantity.ts";
import type { Node } from "../../machinery/resources.ts";
import type { About, Labels, Reading, Registry } from "./registry.ts";

type Amounts = Readonly<Record<string, string>> | undefined;

const amountOf = (amounts: Amounts, resource: string): number => {
  const quantity = parseQuantity(amounts?.[resource] ?? "0");
  return quantity === undefined ? 0 : Number(quantity.nanos) / 1e9;
};

const isReady = ({ status }: Node): boolean =>
  isConditionTrue(status?.conditions as readonly Condition[] | undefined, "Ready");

/** In the order in which they are shown. */
const measures: readonly (readonly [About, (node: Node) => number])[] = [
  [{ name: "lighthouse_nodes", help: "Nodes that are known." }, () => 1],
  [
    { name: "lighthouse_nodes_ready", help: "Nodes whose engine answers." },
    (node) => (isReady(node) ? 1 : 0),
  ],
  [
    { name: "lighthouse_nodes_capacity_cpu_cores", help: "CPUs of the machines." },
    ({ status }) => amountOf(status?.capacity, "cpu"),
  ],
  [
    { name: "lighthouse_nodes_capacity_memory_bytes", help: "Memory of the machines." },
    ({ status }) => amountOf(status?.capacity, "memory"),
  ],
  [
    { name: "lighthouse_nodes_allocatable_cpu_cores", help: "CPUs that Pods may request." },
    ({ status }) => amountOf(status?.allocatable, "cpu"),
  ],
  [
    { name: "lighthouse_nodes_allocatable_memory_bytes", help: "Memory that Pods may request." },
    ({ status }) => amountOf(status?.allocatable, "memory"),
  ],
];

function sumUp(nodes: readonly Node[], read: (node: Node) => number): readonly Reading[] {
  const groups = new Map<string, { readonly labels: Labels; value: number }>();
  for (const node of nodes) {
    const { labels = {} } = node.metadata;
    const [beacon, provider] = [labels[label.beacon] ?? "", labels[label.provider] ?? ""];
    const key = `${beacon} ${provider}`;
    const group = groups.get(key) ?? { labels: { beacon, provider }, value: 0 };
    group.value += read(node);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Shows what the hosts of each beacon and provider are together. */
export function addFleetMetrics(registry: Registry, nodes: () => readonly Node[]): void {
  for (const [about, read] of measures) registry.gauge(about, () => sumUp(nodes(), read));
}
