import { stringify } from "yaml";

type Manifest = Readonly<Record<string, unknown>>;

/** Manifests as one input of `kubectl -f -`. */
export function manifests(...list: readonly Manifest[]): string {
  return list.map((one) => stringify(one, { version: "1.1" })).join("---\n");
}

/** An Application of two slots. `spec` overrides fields of its spec. */
export function application(name: string, image = "web:1", spec: Manifest = {}): Manifest {
  const template = { spec: { containers: [{ name: "web", image }] } };
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name, labels: { app: name } },
    spec: { replicas: 2, template, ...spec },
  };
}

/** A Pod of one container. Bound to a Node only if `spec` names one. */
export function pod(name: string, spec: Manifest = {}): Manifest {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: { containers: [{ name: "web", image: "web:1" }], ...spec },
  };
}

/** A ConfigMap with some data. */
export function configMap(name: string, data: Manifest, metadata: Manifest = {}): Manifest {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data };
}

/** The CRD of a namespaced kind `Gadget` in a group that only the caller uses. */
export function gadgetCrd(group: string): Manifest {
  const spec = {
    type: "object",
    properties: {
      size: { type: "integer", default: 1, minimum: 0 },
      mode: { type: "string", enum: ["slow", "fast"] },
      replicas: { type: "integer" },
      parts: { type: "array", items: { type: "string" } },
    },
  };
  const status = {
    type: "object",
    properties: {
      phase: { type: "string" },
      replicas: { type: "integer" },
      conditions: {
        type: "array",
        items: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `gadgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "gadgets", singular: "gadget", kind: "Gadget", shortNames: ["gd"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
          },
          additionalPrinterColumns: [
            { name: "Size", type: "integer", jsonPath: ".spec.size" },
            { name: "Mode", type: "string", jsonPath: ".spec.mode", priority: 1 },
            { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
          ],
          selectableFields: [{ jsonPath: ".spec.mode" }],
          schema: {
            openAPIV3Schema: {
              type: "object",
              description: "A thing for tests.",
              properties: { spec, status },
            },
          },
        },
      ],
    },
  };
}

/** An object of that kind. */
export function gadget(group: string, name: string, spec: Manifest = {}): Manifest {
  return { apiVersion: `${group}/v1`, kind: "Gadget", metadata: { name }, spec };
}
