import type { AnyObject } from "../../machinery/object.ts";
import type { BuiltIn } from "./built-in.ts";
import { column, nameColumn } from "./columns.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { JsonObject, JsonSchema, VirtualCall } from "./kind.ts";

/** Where the last measured use of nodes and pods is found. */
export interface MetricsSource {
  /** metrics.k8s.io NodeMetrics, without `apiVersion` and `kind`: of one Node, or of all. */
  nodes(name?: string): Promise<readonly JsonObject[]>;
  /** metrics.k8s.io PodMetrics of a namespace, or of all when that is empty; of one Pod if named. */
  pods(namespace: string, name?: string): Promise<readonly JsonObject[]>;
}

/** For servers that no agent speaks to: nothing, which clients show as such. */
export const noMetrics: MetricsSource = { nodes: async () => [], pods: async () => [] };

const quantities: JsonSchema = {
  description: "Amounts in use by resource, e.g. cpu: 250m and memory: 64Mi.",
  type: "object",
  additionalProperties: {
    allOf: [{ $ref: "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity" }],
  },
};
const measured: JsonSchema = {
  timestamp: {
    description: "End of the interval in which the use was measured.",
    type: "string",
    format: "date-time",
  },
  window: { description: "Length of that interval, e.g. 30s.", type: "string" },
};

const nodeSchema: JsonSchema = {
  description: "NodeMetrics tells what a node uses.",
  type: "object",
  required: ["timestamp", "window", "usage"],
  properties: { ...measured, usage: quantities },
};
const podSchema: JsonSchema = {
  description: "PodMetrics tells what the containers of a pod use.",
  type: "object",
  required: ["timestamp", "window", "containers"],
  properties: {
    ...measured,
    containers: {
      description: "One entry for each container that was measured.",
      type: "array",
      items: {
        description: "ContainerMetrics tells what a container uses.",
        type: "object",
        required: ["name", "usage"],
        properties: {
          name: { description: "Name of the container in its pod.", type: "string" },
          usage: quantities,
        },
      },
    },
  },
};

/** Of a pod with several containers only their number is short enough for a cell. */
function usage(object: AnyObject, resource: string): string {
  const containers = objectsIn(object, "containers");
  const [first] = containers;
  const one = containers.length > 1 ? undefined : objectIn(first ?? object, "usage");
  return one === undefined ? `<${containers.length} containers>` : textIn(one, resource);
}

const columns: BuiltIn["columns"] = [
  nameColumn,
  column("Cpu", (object) => usage(object, "cpu")),
  column("Memory", (object) => usage(object, "memory")),
  column("Window", (object) => textIn(object, "window")),
];

const shared = {
  group: "metrics.k8s.io",
  version: "v1beta1",
  verbs: ["get", "list"],
  unservedReason: "metrics are measured by agents and not stored",
  columns,
} as const;

const named = (objects: readonly JsonObject[], { name }: VirtualCall): JsonObject | undefined =>
  objects.find((object) => textIn(objectIn(object, "metadata"), "name") === name);

/** metrics.k8s.io/v1beta1 NodeMetrics: what `kubectl top nodes` shows. */
export const nodeMetricsKind = (source: MetricsSource): BuiltIn => ({
  ...shared,
  kind: "NodeMetrics",
  plural: "nodes",
  namespaced: false,
  definition: "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics",
  schema: nodeSchema,
  virtual: {
    list: () => source.nodes(),
    get: async (call) => named(await source.nodes(call.name), call),
  },
});

/** metrics.k8s.io/v1beta1 PodMetrics: what `kubectl top pods` shows. */
export const podMetricsKind = (source: MetricsSource): BuiltIn => ({
  ...shared,
  kind: "PodMetrics",
  plural: "pods",
  namespaced: true,
  definition: "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics",
  schema: podSchema,
  virtual: {
    list: ({ namespace }) => source.pods(namespace),
    get: async (call) => named(await source.pods(call.namespace, call.name), call),
  },
});
