import { describe, expect, test } from "vitest";
import { openTestApp } from "../../../test/kit/app.ts";
import { readLongYaml } from "./yaml-thread.ts";

const lines = Array.from({ length: 500 }, (_, i) => `  k${i}: v${i}\n`).join("");
const long = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: long}\ndata:\n${lines}`;
const read = (text: string, type = "application/yaml") => readLongYaml(type, Buffer.from(text));

describe("readLongYaml()", () => {
  test.each([
    ["a short body", "a: 1", "application/yaml"],
    ["JSON", long, "application/json"],
    ["YAML that is JSON", JSON.stringify({ a: "x".repeat(9_000) }), "application/yaml"],
  ])("leaves %s alone", async (_name, text, type) => {
    expect(await read(text, type)).toBeUndefined();
  });

  test("makes JSON of it, and tells what was there twice", async () => {
    const made = await read(`${long}  k1: again\n`);
    expect(JSON.parse(String(made?.body))).toMatchObject({ data: { k1: "again", k499: "v499" } });
    expect(made?.duplicates).toEqual(["data.k1"]);
  });

  test("reads several at once, each on its own", async () => {
    const texts = [long, `${long}  k1: again\n`, `${long} x\n`];
    const made = await Promise.allSettled(texts.map((text) => read(text)));
    expect(made.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  });

  test.each([
    ["bad text", `${long} x\n`, "yaml: line"],
    [
      "aliases that make much of little",
      `a: &a "${"x".repeat(50_000)}"\nb: [${"*a, ".repeat(80)}]`,
      "too large",
    ],
  ])("refuses %s", async (_name, text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  test("a strict apply hears of duplicates in it", async () => {
    await using app = await openTestApp();
    const url = "/api/v1/namespaces/default/configmaps/long?fieldManager=m";
    const type = "application/apply-patch+yaml";
    expect((await app.send("PATCH", url, long, { type })).code).toBe(201);
    const strict = `${url}&fieldValidation=Strict`;
    const { code, text } = await app.send("PATCH", strict, `${long}  k1: again\n`, { type });
    expect([code, text]).toEqual([400, expect.stringContaining("data.k1")]);
  });
});
