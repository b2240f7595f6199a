import type { JsonSchemaProps } from "../../api/machinery/schema-props.ts";
import { crdCauses } from "../../api/server/crds/crd-validate.ts";
import type { Crd, CrdVersion } from "../../api/server/crds/crd.ts";

/** The schema of a text. */
export const text: JsonSchemaProps = { type: "string" };
const spec: JsonSchemaProps = { type: "object", properties: { size: text } };
/** The schema of an object with these fields. */
export const whole = (properties: Record<string, JsonSchemaProps> = { spec }): JsonSchemaProps => ({
  type: "object",
  properties,
});

/** A version that is served and stored. */
export function version(name = "v1", more: Record<string, unknown> = {}): CrdVersion {
  const schema = { openAPIV3Schema: whole() };
  return { name, served: true, storage: true, schema, ...more };
}

/** How a CRD differs from the plainest one. */
export type Parts = {
  readonly metadata?: object;
  readonly spec?: Record<string, unknown>;
  readonly names?: object;
  readonly status?: object;
};

/** A CRD `sizes.example.com` as it is when it is validated. */
export function crd({ metadata, spec: over, names, status }: Parts = {}): Crd {
  const all = {
    plural: "sizes",
    singular: "size",
    kind: "Size",
    listKind: "SizeList",
    ...names,
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "sizes.example.com", ...metadata },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: all,
      versions: [version()],
      conversion: { strategy: "None" },
      ...over,
    },
    status: { storedVersions: ["v1"], acceptedNames: all, ...status },
  } as unknown as Crd;
}

/** What is wrong with a CRD, as `field: message`. */
export const said = (made: Crd, before?: Crd): string[] =>
  crdCauses(made, before).map(({ field, message }) => `${field}: ${message}`);

/** One field `f` of this schema. */
export const field = (schema: JsonSchemaProps): Parts => ({
  spec: { versions: [version("v1", { schema: { openAPIV3Schema: whole({ f: schema }) } })] },
});
/** One version with these parts. */
export const inVersion = (more: Record<string, unknown>): Parts => ({
  spec: { versions: [version("v1", more)] },
});
/** One version with this schema. */
export const rootSchema = (openAPIV3Schema: JsonSchemaProps, more = {}): Parts =>
  inVersion({ schema: { openAPIV3Schema }, ...more });
