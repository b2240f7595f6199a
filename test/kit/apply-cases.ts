import { expect, test } from "vitest";
import { applyConfig } from "../../api/machinery/apply/apply-config.ts";
import { typeCompiler } from "../../api/machinery/apply/compile-type.ts";
import { emptySet, type FieldSet } from "../../api/machinery/apply/field-set.ts";
import type { FieldType } from "../../api/machinery/apply/field-type.ts";
import { noOwners, type Owners } from "../../api/machinery/apply/owners.ts";
import { pathText } from "../../api/machinery/apply/path-element.ts";
import { updateOwners } from "../../api/machinery/apply/update-owners.ts";
import type { JsonObject } from "../../api/machinery/equality.ts";

/** The type of a schema that refers to no other. */
export const compile = (schema: JsonObject): FieldType =>
  typeCompiler(() => undefined).compile(schema);

const text = { type: "string" };
const number = { type: "number" };
const port = {
  type: "object",
  properties: { number, protocol: { ...text, default: "TCP" }, name: text },
};
const keyed = (keys: readonly string[], items: JsonObject): JsonObject => ({
  type: "array",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": keys,
  items,
});

/** A ship: one field for each way to own one. */
export const ship: JsonObject = {
  type: "object",
  properties: {
    name: text,
    crew: number,
    armed: { type: "boolean" },
    flags: { type: "array", items: text, "x-kubernetes-list-type": "set" },
    log: { type: "array", items: text },
    ports: keyed(["number", "protocol"], port),
    decks: keyed(["id"], {
      type: "object",
      properties: {
        id: text,
        colour: text,
        cabins: { type: "array", items: text, "x-kubernetes-list-type": "set" },
        rooms: keyed(["id"], { type: "object", properties: { id: text, beds: number } }),
      },
    }),
    labels: { type: "object", additionalProperties: text },
    berth: {
      type: "object",
      "x-kubernetes-map-type": "atomic",
      properties: { quay: text, side: text },
    },
    engine: { type: "object", properties: { power: number, fuel: text } },
    cargo: { "x-kubernetes-preserve-unknown-fields": true },
  },
};

/** `[who, how, what]`: `!` marks an apply that conflicts. */
export type Write = readonly [
  who: string,
  how: "apply" | "force" | "update" | "!",
  what: JsonObject,
];

/** Writes to a ship, and what comes of them. */
export type ApplyCase = readonly [
  why: string,
  writes: readonly Write[],
  object: JsonObject,
  /** What each owns in the end. */
  owners: Readonly<Record<string, FieldSet>>,
  /** Of the last write: `owner.path`. */
  conflicts?: readonly string[],
];

/** A member of a set with nothing below it. */
export const leaf: FieldSet = {};
/** The set of some fields. */
export const of = (...names: readonly string[]): FieldSet =>
  Object.fromEntries(names.map((name) => [`f:${name}`, leaf]));
/** A place that is a member itself. */
export const member = (set: FieldSet): FieldSet => ({ ".": leaf, ...set });

type State = {
  readonly live: unknown;
  readonly owners: Owners;
  readonly conflicts: readonly string[];
};

function play(state: State, [manager, how, what]: Write, type: FieldType): State {
  const writer = { manager, apiVersion: "v1", subresource: "" };
  const rules = { typeOf: () => type, ignored: emptySet };
  const { live, owners } = state;
  if (how === "update") {
    const after = updateOwners(owners, { before: live, after: what }, { writer, rules });
    return { live: what, owners: after.owners, conflicts: [] };
  }
  const applied = applyConfig(owners, { live, config: what }, { writer, rules });
  const conflicts = applied.conflicts.map(({ owner, path }) => owner.manager + pathText(path));
  if (how === "!") return { live, owners, conflicts };
  return {
    live: applied.object,
    owners: applied.owners,
    conflicts: how === "force" ? [] : conflicts,
  };
}

/** Without the nulls of emptied objects: whoever stores the object drops them. */
const stored = (object: unknown): unknown =>
  Object.fromEntries(Object.entries(object as JsonObject).filter(([, value]) => value !== null));

/** Registers one test for each case. */
export function testApplyCases(cases: readonly ApplyCase[]): void {
  const type = compile(ship);
  const named = cases.map((one) => [one[0], one] as const);
  test.each(named)("%s", (_why, [, writes, object, owners, conflicts = []]) => {
    let state: State = { live: undefined, owners: noOwners, conflicts: [] };
    for (const write of writes) state = play(state, write, type);
    expect(stored(state.live)).toEqual(object);
    const sets = [...state.owners.values()].map(({ manager, fields }) => [manager, fields]);
    expect(Object.fromEntries(sets)).toEqual(owners);
    expect(state.conflicts).toEqual(conflicts);
  });
}
