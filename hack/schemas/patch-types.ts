import type { PatchField, PatchType } from "../../api/machinery/patch-field.ts";
import { shortName } from "./packages.ts";

type Json = { readonly [field: string]: unknown };
type Schemas = Readonly<Record<string, Json>>;

const lastPart = (definition: string): string => definition.slice(definition.lastIndexOf(".") + 1);

/** The definition that a field refers to, or that the items of its list do. */
function referenceOf(schema: Json): string | undefined {
  const items = (schema["items"] ?? {}) as Json;
  const [wrapped] = (schema["allOf"] ?? []) as readonly Json[];
  const ref = schema["$ref"] ?? items["$ref"] ?? wrapped?.["$ref"];
  return typeof ref === "string" ? ref.replace("#/components/schemas/", "") : undefined;
}

const propertiesOf = (schema: Json | undefined): readonly [string, Json][] =>
  Object.entries((schema?.["properties"] ?? {}) as Readonly<Record<string, Json>>);

const strategyOf = (schema: Json): unknown => schema["x-kubernetes-patch-strategy"];

/** Definitions in which, or below which, a field has a strategy of its own. */
function mattering(schemas: Schemas): ReadonlySet<string> {
  const found = new Set<string>();
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const [name, schema] of Object.entries(schemas)) {
      const matters = propertiesOf(schema).some(
        ([, field]) =>
          strategyOf(field) !== undefined || found.has(referenceOf(field) ?? "no reference"),
      );
      if (matters) found.add(name);
    }
  }
  return found;
}

function fieldOf(schema: Json, known: ReadonlySet<string>): PatchField | undefined {
  const below = referenceOf(schema);
  const strategy = strategyOf(schema);
  const mergeKey = schema["x-kubernetes-patch-merge-key"];
  const typed = below !== undefined && known.has(below);
  if (!typed && strategy === undefined) return undefined;
  return {
    ...(typed ? { type: lastPart(below) } : {}),
    ...(strategy === undefined
      ? {}
      : { strategy: strategy as NonNullable<PatchField["strategy"]> }),
    ...(typeof mergeKey === "string" ? { mergeKey } : {}),
  };
}

/** Lists are not patched, and of kinds with metadata alone nothing needs saying. */
function isPlain(name: string, type: PatchType): boolean {
  return (
    name.endsWith("List") || (Object.keys(type).join() === "metadata" && name !== "ObjectMeta")
  );
}

function patchTypes(schemas: Schemas): ReadonlyMap<string, PatchType> {
  const known = mattering(schemas);
  const types = new Map<string, PatchType>();
  for (const definition of [...known].sort()) {
    const fields = propertiesOf(schemas[definition]).flatMap(([name, schema]) => {
      const field = fieldOf(schema, known);
      return field === undefined ? [] : [[name, field] as const];
    });
    const type: PatchType = Object.fromEntries(fields);
    const name = lastPart(definition);
    if (isPlain(name, type)) continue;
    if (types.has(name)) throw new Error(`Cannot tell types apart: two are called ${name}`);
    types.set(name, type);
  }
  return types;
}

/** Text of the module with the patch strategies of all types, by their short names. */
export function patchTypesSource(schemas: Schemas): string {
  const lines = [...patchTypes(schemas)].map(
    ([name, type]) => `  ${shortName(name)}: ${JSON.stringify(type)},`,
  );
  return `// By hack/update-builtin-schemas.ts from Kubernetes' published patch strategies. Do not edit.
import type { PatchType } from "./patch-field.ts";

/**
 * The patch strategies of the built-in types, keyed by the short name of the type. A list that is
 * not named here (tolerations, taints, args ...) is replaced as a whole.
 */
export const patchTypes: Readonly<Record<string, PatchType>> = {
${lines.join("\n")}
};
`;
}
