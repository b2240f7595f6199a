import { meta } from "./packages.ts";

type Json = { readonly [field: string]: unknown };

const home = "io.k8s.metrics.pkg.apis.metrics.v1beta1";
const refTo = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const described = (description: string, schema: Json): Json =>
  "$ref" in schema ? { description, allOf: [schema] } : { description, ...schema };

const typeFields: Json = {
  apiVersion: described("Version of the schema that this object follows, as GROUP/VERSION.", {
    type: "string",
  }),
  kind: described("Kind of the resource that this object stands for, in CamelCase.", {
    type: "string",
  }),
};

const usage: Json = described(
  "Average use of each resource during the window, e.g. cpu and memory.",
  {
    type: "object",
    additionalProperties: refTo("io.k8s.apimachinery.pkg.api.resource.Quantity"),
  },
);

/** A sample of one object, `timestamp - window` to `timestamp`. */
const sample = (kind: string, what: string, own: Json, required: readonly string[]): Json => ({
  description: `Resource use of a ${what}.`,
  type: "object",
  properties: {
    ...typeFields,
    metadata: described("Standard metadata of all objects.", refTo(`${meta}.ObjectMeta`)),
    timestamp: described("End of the window that the sample covers.", {
      type: "string",
      format: "date-time",
    }),
    window: described("Length of that window, e.g. 30s.", { type: "string" }),
    ...own,
  },
  required: ["timestamp", "window", ...required],
  "x-kubernetes-group-version-kind": [{ group: "metrics.k8s.io", version: "v1beta1", kind }],
});

const listOf = (kind: string): Json => ({
  description: `A list of ${kind}.`,
  type: "object",
  properties: {
    ...typeFields,
    metadata: described("Standard metadata of lists.", refTo(`${meta}.ListMeta`)),
    items: described("The samples.", { type: "array", items: refTo(`${home}.${kind}`) }),
  },
  required: ["items"],
  "x-kubernetes-group-version-kind": [
    { group: "metrics.k8s.io", version: "v1beta1", kind: `${kind}List` },
  ],
});

const containers: Json = described("One sample for each container of the pod.", {
  type: "array",
  items: refTo(`${home}.ContainerMetrics`),
  "x-kubernetes-list-type": "atomic",
});

/**
 * Definitions of metrics.k8s.io/v1beta1. Written by hand after k8s.io/metrics, whose types are in
 * no package of models.
 */
export const metricsDefinitions: Readonly<Record<string, Json>> = {
  [`${home}.ContainerMetrics`]: {
    description: "Resource use of a container.",
    type: "object",
    properties: {
      name: described("Name of the container in its pod.", { type: "string" }),
      usage,
    },
    required: ["name", "usage"],
  },
  [`${home}.NodeMetrics`]: sample("NodeMetrics", "node", { usage }, ["usage"]),
  [`${home}.NodeMetricsList`]: listOf("NodeMetrics"),
  [`${home}.PodMetrics`]: sample("PodMetrics", "pod", { containers }, ["containers"]),
  [`${home}.PodMetricsList`]: listOf("PodMetrics"),
};
