import type { JsonSchema, Kind, Kinds } from "../../kinds/kind.ts";
import type { Definitions } from "../../kinds/definitions.ts";
import { celTypes, type CelType, listOf, mapOf } from "../../cel/types.ts";
import { compilePolicy } from "./expressions.ts";
import { paramKindOf } from "./params.ts";
import type { PolicySpec } from "./spec.ts";

/** How deep a schema is followed: below that anything goes. */
const maxDepth = 12;
/** How many kinds a policy is checked against, as in Kubernetes. */
const maxKinds = 10;
const refPrefix = "#/components/schemas/";

const scalars: Readonly<Record<string, CelType>> = {
  boolean: celTypes.bool,
  integer: celTypes.int,
  number: celTypes.double,
  string: celTypes.string,
};

const asSchema = (value: unknown): JsonSchema | undefined =>
  typeof value === "object" && value !== null ? (value as JsonSchema) : undefined;

/** The schema that stands behind a reference. */
function resolved(schema: JsonSchema, definitions: Definitions): JsonSchema | undefined {
  const { $ref, allOf } = schema;
  if (typeof $ref === "string") return definitions.get($ref.slice(refPrefix.length));
  const [only, ...more] = Array.isArray(allOf) ? (allOf as readonly JsonSchema[]) : [];
  return only !== undefined && more.length === 0 ? resolved(only, definitions) : schema;
}

function typeOf(given: unknown, definitions: Definitions, depth: number): CelType {
  const first = asSchema(given);
  const schema = first === undefined ? undefined : resolved(first, definitions);
  if (schema === undefined || depth > maxDepth) return celTypes.dyn;
  const { type, properties, additionalProperties, items } = schema;
  if (schema["x-kubernetes-preserve-unknown-fields"] === true) return celTypes.dyn;
  const below = (inner: unknown): CelType => typeOf(inner, definitions, depth + 1);
  if (type === "array") return listOf(below(items));
  const fields = asSchema(properties);
  if (fields !== undefined) {
    const entries = Object.entries(fields).map(([name, inner]) => [name, below(inner)] as const);
    return { name: "object", args: [], fields: new Map(entries) };
  }
  if (asSchema(additionalProperties) !== undefined)
    return mapOf(celTypes.string, below(additionalProperties));
  // A date is a text to expressions that know no schema, which is how they are run.
  return scalars[String(type)] ?? celTypes.dyn;
}

const known = new WeakMap<Kind, CelType>();

/** The type of the objects of a kind, all of metadata included. */
function objectType(kind: Kind, definitions: Definitions): CelType {
  const cached = known.get(kind);
  if (cached !== undefined) return cached;
  const own = typeOf(kind.schema ?? definitions.get(kind.definition), definitions, 0);
  const meta = definitions.get("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  const standard = {
    apiVersion: celTypes.string,
    kind: celTypes.string,
    metadata: typeOf(meta, definitions, 1),
  };
  const type =
    own.fields === undefined
      ? own
      : { ...own, fields: new Map([...own.fields, ...Object.entries(standard)]) };
  known.set(kind, type);
  return type;
}

/** Kinds that a policy names one by one; what it means by `*` is not looked at, as in Kubernetes. */
function namedKinds({ matchConstraints }: PolicySpec, kinds: Kinds): readonly Kind[] {
  const rules = matchConstraints?.resourceRules ?? [];
  const served = kinds.list();
  const found = rules.flatMap(({ apiGroups = [], apiVersions = [], resources = [] }) =>
    served.filter(
      ({ group, version, plural }) =>
        apiGroups.includes(group) && apiVersions.includes(version) && resources.includes(plural),
    ),
  );
  return [...new Set(found)].slice(0, maxKinds);
}

/** A warning about one expression, as it stands in `status.typeChecking`. */
export type ExpressionWarning = { readonly fieldRef: string; readonly warning: string };

const gvkText = ({ group, version, kind }: Kind): string =>
  `${group === "" ? version : `${group}/${version}`}, Kind=${kind}`;

/**
 * What expressions say of fields that the kinds they are about do not have: a policy may well be
 * about several kinds, so these are warnings.
 */
export function typeWarnings(
  spec: PolicySpec,
  kinds: Kinds,
  definitions: Definitions,
): readonly ExpressionWarning[] {
  const paramKind = spec.paramKind === undefined ? undefined : paramKindOf(spec, kinds);
  const params = paramKind === undefined ? {} : { params: objectType(paramKind, definitions) };
  const byField = new Map<string, string[]>();
  for (const kind of namedKinds(spec, kinds)) {
    const object = objectType(kind, definitions);
    for (const { field, why } of compilePolicy(spec, { object, ...params }).problems) {
      const texts = byField.get(field) ?? [];
      byField.set(field, texts);
      texts.push(`${gvkText(kind)}: ${why.replace(/^compilation failed: /, "")}`);
    }
  }
  return [...byField].map(([fieldRef, texts]) => ({ fieldRef, warning: texts.join("\n") }));
}
