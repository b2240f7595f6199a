import { describe, expect, test } from "vitest";
import { compile, leaf, of, ship } from "../../../test/kit/apply-cases.ts";
import type { JsonObject } from "../equality.ts";
import { applyConfig } from "./apply-config.ts";
import { emptySet, parseFieldSet } from "./field-set.ts";
import type { FieldType } from "./field-type.ts";
import { noOwners } from "./owners.ts";
import { updateOwners } from "./update-owners.ts";

const text = { type: "string" };

describe("a schema that changed", () => {
  const list = (keywords: JsonObject): FieldType =>
    compile({ type: "object", properties: { flags: { type: "array", items: text, ...keywords } } });
  const object = (keywords: JsonObject): FieldType =>
    compile({
      type: "object",
      properties: {
        berth: { type: "object", properties: { quay: text, side: text }, ...keywords },
      },
    });
  const write = (
    manager: string,
  ): { manager: string; apiVersion: string; subresource: string } => ({
    manager,
    apiVersion: "v1",
    subresource: "",
  });

  test.each<[string, readonly [FieldType, FieldType], JsonObject, string]>([
    ["set", [list({ "x-kubernetes-list-type": "set" }), list({})], { flags: ["a"] }, "f:flags"],
    [
      "map",
      [object({}), object({ "x-kubernetes-map-type": "atomic" })],
      { berth: { quay: "1" } },
      "f:berth",
    ],
  ])("makes whoever owned a part own the whole (%s)", (_name, [before, after], config, field) => {
    const rules = (type: FieldType) => ({ typeOf: () => type, ignored: emptySet });
    const first = applyConfig(
      noOwners,
      { live: undefined, config },
      { writer: write("ann"), rules: rules(before) },
    );
    const { owners } = updateOwners(
      first.owners,
      { before: config, after: config },
      { writer: write("ctl"), rules: rules(after) },
    );
    expect([...owners.values()].map(({ fields }) => fields)).toEqual([{ [field]: leaf }]);
  });
});

describe("several versions of a kind", () => {
  const type = compile(ship);
  const served = (...versions: readonly string[]) => ({
    ignored: emptySet,
    typeOf: (version: string) => (versions.includes(version) ? type : undefined),
  });
  const writer = (manager: string, apiVersion: string) => ({
    manager,
    apiVersion,
    subresource: "",
  });

  test("an applier may go on in another", () => {
    const rules = served("v1", "v2");
    const first = applyConfig(
      noOwners,
      { live: undefined, config: { name: "Ark", crew: 1 } },
      { writer: writer("ann", "v1"), rules },
    );
    const second = applyConfig(
      first.owners,
      { live: first.object, config: { name: "Ark" } },
      { writer: writer("ann", "v2"), rules },
    );
    expect(second.object).toEqual({ name: "Ark" });
    expect([...second.owners.values()]).toMatchObject([{ apiVersion: "v2", fields: of("name") }]);
  });

  test("what was owned in one that is gone is owned by nobody", () => {
    const first = applyConfig(
      noOwners,
      { live: undefined, config: { name: "Ark", crew: 1 } },
      { writer: writer("ann", "v1"), rules: served("v1") },
    );
    const second = applyConfig(
      first.owners,
      { live: first.object, config: { name: "Bark" } },
      { writer: writer("bob", "v2"), rules: served("v2") },
    );
    expect(second.conflicts).toEqual([]);
    expect(second.object).toEqual({ name: "Bark", crew: 1 });
    expect([...second.owners.values()].map(({ manager }) => manager)).toEqual(["bob"]);
  });
});

test("applyConfig() leaves alone what the endpoint ignores", () => {
  const rules = { typeOf: () => compile(ship), ignored: parseFieldSet({ "f:engine": {} }) };
  const { owners } = applyConfig(
    noOwners,
    { live: undefined, config: { name: "Ark", engine: { power: 1 } } },
    { writer: { manager: "ann", apiVersion: "v1", subresource: "" }, rules },
  );
  expect([...owners.values()].map(({ fields }) => fields)).toEqual([of("name")]);
});
