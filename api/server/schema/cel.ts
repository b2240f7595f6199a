import type { StatusCause } from "../../machinery/errors.ts";
import { wrongType } from "../../machinery/field-causes.ts";
import { pathText } from "../../machinery/schema-path.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { isJsonObject } from "../../machinery/schema-value.ts";
import type { Meter } from "../cel/run.ts";
import { type CelValue, equalCel } from "../cel/value.ts";
import { escapedName } from "./cel-names.ts";
import { type CelRule, compileRule, RuleStop } from "./cel-rule.ts";
import { schemaType, withTypeAndNames } from "./cel-types.ts";
import { compileConverter } from "./cel-value.ts";

/** What all rules together may cost for one object when they run, in Kubernetes' units. */
const perObjectBudget = 1_000_000;

type Walk = {
  readonly path: (string | number)[];
  readonly causes: StatusCause[];
  readonly budget: Meter;
};

/** A value and the one in its place before; `isOld` whether an update leaves it as it is. */
type Site = { readonly self: CelValue; readonly before: CelValue; readonly isOld: () => boolean };

type Visitor = (site: Site, walk: Walk) => void;
type Field = { readonly name: string; readonly called: string; readonly visit: Visitor };

/** Where there is nothing to compare with, it counts whether what is around it has changed. */
function childOf(parent: Site, self: CelValue, before: CelValue): Site {
  if (before === undefined) return { self, before, isOld: parent.isOld };
  let known: boolean | undefined;
  const isOld = (): boolean => (known ??= equalCel(self, before));
  return { self, before, isOld };
}

function descend(visit: Visitor, at: string | number, site: Site, walk: Walk): void {
  walk.path.push(at);
  visit(site, walk);
  walk.path.pop();
}

function outOfBudget({ path }: Walk, type: string): RuleStop {
  const detail =
    "validation failed due to running out of cost budget, no further validation rules will be run";
  return new RuleStop(wrongTypeFree(pathText(path), type, detail));
}

function wrongTypeFree(field: string, type: string, detail: string): StatusCause {
  return { ...wrongType(field, type, detail), reason: "FieldValueInvalid" };
}

function ruleVisitor(rule: CelRule, type: string): Visitor {
  return (site, walk) => {
    const { self, before, isOld } = site;
    if (rule.isTransition && before === undefined && !rule.optionalOldSelf) return;
    if (walk.budget.left <= 0) throw outOfBudget(walk, type);
    const cause = rule.check({ self, before, path: walk.path, type }, walk.budget);
    if (cause === undefined) return;
    // A rule that came later must not lock objects that break it: only a change is judged.
    if (rule.isTransition || !isOld()) walk.causes.push(cause);
  };
}

const own = (value: CelValue, field: string): CelValue =>
  isJsonObject(value) && Object.hasOwn(value, field) ? value[field] : undefined;

function fieldsVisitor(fields: readonly Field[]): Visitor {
  return (site, walk) => {
    for (const { name, called, visit } of fields) {
      const value = own(site.self, called);
      if (value === undefined) continue;
      descend(visit, name, childOf(site, value, own(site.before, called)), walk);
    }
  };
}

function mapVisitor(visit: Visitor): Visitor {
  return (site, walk) => {
    if (!isJsonObject(site.self)) return;
    for (const [key, value] of Object.entries(site.self))
      descend(visit, key, childOf(site, value, own(site.before, key)), walk);
  };
}

/** Finds the item before: only items with keys stay the same when a list changes. */
function counterpart(schema: JsonSchemaProps, before: CelValue): (item: CelValue) => CelValue {
  const keys = (schema["x-kubernetes-list-map-keys"] ?? []).map((key) => escapedName(key) ?? key);
  if (schema["x-kubernetes-list-type"] !== "map" || !Array.isArray(before)) return () => undefined;
  const identity = (item: CelValue): string =>
    JSON.stringify(keys.map((key) => String(own(item, key))));
  const byKeys = new Map(before.map((item: CelValue) => [identity(item), item]));
  return (item) => byKeys.get(identity(item));
}

function listVisitor(schema: JsonSchemaProps, visit: Visitor): Visitor {
  return (site, walk) => {
    if (!Array.isArray(site.self)) return;
    const find = counterpart(schema, site.before);
    for (const [i, item] of site.self.entries())
      descend(visit, i, childOf(site, item, find(item)), walk);
  };
}

function rulesOf(schema: JsonSchemaProps, isRoot: boolean): Visitor[] {
  const rules = schema["x-kubernetes-validations"] ?? [];
  if (rules.length === 0) return [];
  const found = schemaType(schema, isRoot);
  if (found === undefined) return [];
  const place = { schema: isRoot ? withTypeAndNames(schema) : schema, type: found.type };
  return rules.map((rule) => ruleVisitor(compileRule(rule, place), schema.type ?? "object"));
}

/** The visitor of a schema and all below it; `undefined` when there is no rule at all. */
function compileLevel(schema: JsonSchemaProps, isRoot: boolean): Visitor | undefined {
  const visitors = rulesOf(schema, isRoot);
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, inner]): Field[] => {
    const called = escapedName(name);
    const visit = called === undefined ? undefined : compileLevel(inner, false);
    return visit === undefined || called === undefined ? [] : [{ name, called, visit }];
  });
  if (fields.length > 0) visitors.push(fieldsVisitor(fields));
  const extra = schema.additionalProperties;
  const value = typeof extra === "object" ? compileLevel(extra, false) : undefined;
  if (value !== undefined) visitors.push(mapVisitor(value));
  const item = schema.items === undefined ? undefined : compileLevel(schema.items, false);
  if (item !== undefined) visitors.push(listVisitor(schema, item));
  if (visitors.length === 0) return undefined;
  return (site, walk) => {
    if (site.self === null) return;
    for (const visit of visitors) visit(site, walk);
  };
}

/**
 * Compiles the `x-kubernetes-validations` of every level of a schema into one function that lists
 * the broken rules. Rules about `oldSelf` run when `before` has a value at their place; of the others
 * a breach by a value that is what it was before does not count. Give it only objects that the
 * schema itself accepts. What rules may cost is bounded, for each and for all of an object.
 * @throws Error when a rule is no valid CEL expression
 */
export function compileCelRules(
  schema: JsonSchemaProps,
): (object: unknown, before?: unknown) => StatusCause[] {
  const visit = compileLevel(schema, true);
  if (visit === undefined) return () => [];
  const convert = compileConverter(withTypeAndNames(schema));
  return (object, old) => {
    const walk: Walk = { path: [], causes: [], budget: { left: perObjectBudget } };
    const self = convert(object);
    const before = old === undefined ? undefined : convert(old);
    const root: Site = { self, before, isOld: () => false };
    try {
      visit(childOf(root, self, before), walk);
    } catch (err) {
      if (!(err instanceof RuleStop)) throw err;
      walk.causes.push(err.stopped);
    }
    return walk.causes;
  };
}
