import { describe, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";

const url = "/api/v1/namespaces/default/configmaps";

async function create(app: TestApp, fields: readonly string[], query = "") {
  const unknown = Object.fromEntries(fields.map((field) => [field, 1]));
  const object = { metadata: { generateName: "a" }, ...unknown };
  const { code, headers, body } = await app.send("POST", url + query, object);
  const given: unknown = headers["warning"] ?? [];
  const warnings = (Array.isArray(given) ? given : [given]) as readonly string[];
  return { code, warnings, message: String(body["message"]) };
}

const numbered = (count: number, length: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `f${index}`.padEnd(length, "x"));

describe("warnings", () => {
  test("are sent whole as long as they fit together", async () => {
    await using app = await openTestApp();
    const { code, warnings } = await create(app, ["x".repeat(3_000), 'quote"d']);
    expect(code).toBe(201);
    expect(warnings.map((text) => text.length)).toEqual([3_000 + 26, 36]);
    expect(warnings[1]).toBe(String.raw`299 - "unknown field \"quote\\\"d\""`);
  });

  test("are cut and counted when there are too many", async () => {
    await using app = await openTestApp();
    const { code, warnings } = await create(app, numbered(5_000, 300));
    expect(code).toBe(201);
    expect(warnings).toHaveLength(16);
    expect(Math.max(...warnings.map((text) => text.length))).toBeLessThan(300);
  });

  test("name no more than a hundred fields in a refusal", async () => {
    await using app = await openTestApp();
    const { code, message } = await create(app, numbered(500, 10), "?fieldValidation=Strict");
    expect([code, message.split("unknown field").length - 1]).toEqual([400, 100]);
  });
});
