import { describe, expect, test } from "vitest";
import type { JsonSchemaProps } from "../../api/machinery/schema-props.ts";
import { ruleCauses } from "../../api/server/schema/cel-check.ts";
import { compileCelRules } from "../../api/server/schema/cel.ts";

/** Fields, their values, and rules about both. */
export type RuleGroup = {
  readonly fields: Record<string, JsonSchemaProps>;
  readonly value: Record<string, unknown>;
  readonly holds: readonly string[];
  /** What the first cause says, on compilation or on evaluation. */
  readonly fails?: Record<string, string>;
};

/** The first complaint about a rule: on compilation, else on evaluation. */
function complaint({ fields, value }: RuleGroup, rule: string): string {
  const schema: JsonSchemaProps = {
    type: "object",
    properties: { v: { ...object(fields), "x-kubernetes-validations": [{ rule, message: "no" }] } },
  };
  const [wrong] = ruleCauses(schema, "s").filter(({ message }) => !/budget|cost/.test(message));
  if (wrong !== undefined) return wrong.message;
  return compileCelRules(schema)({ v: value })[0]?.message ?? "";
}

const object = (properties: Record<string, JsonSchemaProps>): JsonSchemaProps => ({
  type: "object",
  properties,
});

/** One test for each rule of each group. */
export function testRules(groups: Readonly<Record<string, RuleGroup>>): void {
  for (const [name, group] of Object.entries(groups)) {
    describe(`rules about ${name}`, () => {
      test.each(group.holds)("%s", (rule) => {
        expect(complaint(group, rule)).toBe("");
      });
      test.each(Object.entries(group.fails ?? {}))("%s is refused", (rule, why) => {
        expect(complaint(group, rule)).toContain(why);
      });
    });
  }
}
