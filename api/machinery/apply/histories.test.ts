import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../equality.ts";
import { applyConfig } from "./apply-config.ts";
import { typeCompiler } from "./compile-type.ts";
import { emptySet, sortedSet } from "./field-set.ts";
import { noOwners, type Owners } from "./owners.ts";
import { pathText } from "./path-element.ts";
import { type Rules, updateOwners } from "./update-owners.ts";
import { configProblems } from "./validate.ts";

type Step = {
  readonly by: string;
  readonly apply?: JsonObject;
  readonly update?: JsonObject;
  readonly force?: true;
  readonly refused?: true;
  readonly conflicts?: readonly string[];
  readonly object?: unknown;
  readonly owners?: JsonObject;
};
type History = { readonly schema: JsonObject; readonly steps: readonly Step[] };
type State = { readonly live: unknown; readonly owners: Owners };
type Outcome = State & Pick<Step, "refused" | "conflicts">;

/**
 * Random schemas with random writes by four managers. What becomes of each was computed by
 * structured-merge-diff (6.x, July 2026), the library that Kubernetes uses.
 */
const file = new URL("../../../test/testdata/apply-histories.json", import.meta.url);
const histories = JSON.parse(readFileSync(file, "utf8")) as readonly History[];

function play(state: State, { by, apply, update, force }: Step, rules: Rules): Outcome {
  const writer = { manager: by, apiVersion: "v1", subresource: "" };
  const { live, owners } = state;
  if (apply === undefined) {
    const after = updateOwners(owners, { before: live, after: update }, { writer, rules });
    return { live: update, owners: after.owners };
  }
  const type = rules.typeOf("v1");
  if (type === undefined || configProblems(apply, type).length > 0)
    return { ...state, refused: true };
  const applied = applyConfig(owners, { live, config: apply }, { writer, rules });
  if (force !== true && applied.conflicts.length > 0) {
    const conflicts = applied.conflicts.map(({ owner, path }) => owner.manager + pathText(path));
    return { ...state, conflicts: conflicts.toSorted() };
  }
  return { live: applied.object, owners: applied.owners };
}

/** What a step must come to; a refused one is compared by its refusal alone. */
function shown(outcome: Outcome | Step, { refused, conflicts }: Step): unknown {
  const said = { refused: outcome.refused, conflicts: outcome.conflicts };
  if (refused === true || conflicts !== undefined) return said;
  const object = "live" in outcome ? outcome.live : outcome.object;
  const owners = "live" in outcome ? setsOf(outcome.owners) : outcome.owners;
  // As text: the order of the fields counts, too.
  return { ...said, object, owners: JSON.stringify(sorted(owners)) };
}

const setsOf = (owners: Owners): unknown =>
  Object.fromEntries(
    [...owners.values()].map(({ manager, fields }) => [manager, sortedSet(fields)]),
  );

describe("histories of writes end as Kubernetes' own library has it", () => {
  test.each(histories.map((history, index) => [index, history] as const))(
    "%i",
    (_index, history) => {
      const type = typeCompiler(() => undefined).compile(history.schema);
      const rules: Rules = { typeOf: () => type, ignored: emptySet };
      let state: State = { live: undefined, owners: noOwners };
      for (const step of history.steps) {
        const next = play(state, step, rules);
        expect(shown(next, step)).toEqual(shown(step, step));
        state = next;
      }
    },
  );
});

const sorted = (object: unknown): unknown =>
  Object.fromEntries(
    Object.entries(object as JsonObject).toSorted(([left], [right]) => (left < right ? -1 : 1)),
  );
