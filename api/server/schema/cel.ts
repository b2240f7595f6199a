import { Optional } from "@marcbachmann/cel-js";
import type { StatusCause } from "../../machinery/errors.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { isJsonObject } from "../../machinery/schema-value.ts";
import type { CelValue } from "./cel-library.ts";
import { type CelRule, compileRule } from "./cel-rule.ts";
import { celName, compileConverter, equalCel } from "./cel-value.ts";

type Walk = { readonly path: (string | number)[]; readonly causes: StatusCause[] };
/** `before` is `undefined` where there is no value to compare with. */
type Visitor = (self: CelValue, before: CelValue, walk: Walk) => void;
type Field = { readonly name: string; readonly called: string; readonly visit: Visitor };

function descend(visit: Visitor, at: string | number, values: [CelValue, CelValue], walk: Walk) {
  walk.path.push(at);
  visit(...values, walk);
  walk.path.pop();
}

function ruleVisitor(rule: CelRule): Visitor {
  return (self, before, walk) => {
    if (rule.isTransition && before === undefined && !rule.optionalOldSelf) return;
    const oldSelf = rule.optionalOldSelf ? Optional.of(before) : before;
    const cause = rule.check(self, oldSelf, walk.path);
    if (cause === undefined) return;
    // A rule that came later must not lock objects that break it: only a change is judged.
    const isOld = !rule.isTransition && before !== undefined && equalCel(self, before);
    if (!isOld) walk.causes.push(cause);
  };
}

const own = (value: CelValue, field: string): CelValue =>
  isJsonObject(value) && Object.hasOwn(value, field) ? value[field] : undefined;

function fieldsVisitor(fields: readonly Field[]): Visitor {
  return (self, before, walk) => {
    for (const { name, called, visit } of fields) {
      const value = own(self, called);
      if (value !== undefined) descend(visit, name, [value, own(before, called)], walk);
    }
  };
}

function mapVisitor(visit: Visitor): Visitor {
  return (self, before, walk) => {
    if (!isJsonObject(self)) return;
    for (const key of Object.keys(self)) descend(visit, key, [self[key], own(before, key)], walk);
  };
}

/** Finds the item before: only items with keys stay the same when a list changes. */
function counterpart(schema: JsonSchemaProps, before: CelValue): (item: CelValue) => CelValue {
  const keys = (schema["x-kubernetes-list-map-keys"] ?? []).map(celName);
  if (schema["x-kubernetes-list-type"] !== "map" || !Array.isArray(before)) return () => undefined;
  const identity = (item: CelValue): string =>
    JSON.stringify(keys.map((key) => String(own(item, key))));
  const byKeys = new Map(before.map((item: CelValue) => [identity(item), item]));
  return (item) => byKeys.get(identity(item));
}

function listVisitor(schema: JsonSchemaProps, visit: Visitor): Visitor {
  return (self, before, walk) => {
    if (!Array.isArray(self)) return;
    const find = counterpart(schema, before);
    for (let i = 0; i < self.length; i += 1) descend(visit, i, [self[i], find(self[i])], walk);
  };
}

/** The visitor of a schema and all below it; `undefined` when there is no rule at all. */
function compileNode(schema: JsonSchemaProps): Visitor | undefined {
  const visitors = (schema["x-kubernetes-validations"] ?? []).map((rule) =>
    ruleVisitor(compileRule(rule)),
  );
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, inner]): Field[] => {
    const visit = compileNode(inner);
    return visit === undefined ? [] : [{ name, called: celName(name), visit }];
  });
  if (fields.length > 0) visitors.push(fieldsVisitor(fields));
  const extra = schema.additionalProperties;
  const value = typeof extra === "object" ? compileNode(extra) : undefined;
  if (value !== undefined) visitors.push(mapVisitor(value));
  const item = schema.items === undefined ? undefined : compileNode(schema.items);
  if (item !== undefined) visitors.push(listVisitor(schema, item));
  if (visitors.length === 0) return undefined;
  return (self, before, walk) => {
    if (self === null) return;
    for (const visit of visitors) visit(self, before, walk);
  };
}

/** Of the metadata, rules see no more than the name: the rest is the server's. */
const visibleMetadata: JsonSchemaProps = {
  type: "object",
  properties: { name: { type: "string" }, generateName: { type: "string" } },
};

/**
 * Compiles the `x-kubernetes-validations` of every level of a schema into one function that lists
 * the broken rules. Rules about `oldSelf` run when `before` has a value at their place; of the others
 * a breach by a value that is what it was before does not count. Give it only objects that the
 * schema itself accepts.
 *
 * Not yet bounded: what a rule may cost on a large object.
 * @throws Error when a rule is no valid CEL expression
 */
export function compileCelRules(
  schema: JsonSchemaProps,
): (object: unknown, before?: unknown) => StatusCause[] {
  const visit = compileNode(schema);
  if (visit === undefined) return () => [];
  const properties = { ...schema.properties, metadata: visibleMetadata };
  const convert = compileConverter({ ...schema, properties });
  return (object, before) => {
    const causes: StatusCause[] = [];
    const old = before === undefined ? undefined : convert(before);
    visit(convert(object), old, { path: [], causes });
    return causes;
  };
}
