import { expect, test } from "vitest";
import { isAllowed, licenceFaults, licencesText } from "./licences.ts";
import { dependenciesOf, readLockfile } from "./lockfile.ts";

test.each([
  ["MIT", true],
  ["GPL-3.0-only", false],
  ["(MIT OR GPL-3.0-only)", true],
  ["(MIT AND GPL-3.0-only)", false],
  ["(Apache-2.0 AND BSD-3-Clause)", true],
  ["", false],
])("isAllowed() %j: %j", (expression, want) => {
  expect(isAllowed(expression)).toBe(want);
});

test("licenceFaults() names packages without a licence, and with one that was not agreed on", () => {
  const folder = "node_modules/x";
  const faults = licenceFaults([
    { folder, name: "x", version: "1.0.0", license: undefined },
    { folder, name: "y", version: "2.0.0", license: "SSPL-1.0" },
    { folder, name: "z", version: "3.0.0", license: "MIT" },
  ]);
  expect(faults).toEqual(["x 1.0.0 does not say its licence", "y 2.0.0 is under SSPL-1.0"]);
});

test("every package that the product runs with is under a licence of the list", async () => {
  const dependencies = dependenciesOf(await readLockfile());
  expect(dependencies.length).toBeGreaterThan(50);
  expect(licenceFaults(dependencies)).toEqual([]);
});

test("licencesText() has the text of each", async () => {
  const fastify = dependenciesOf(await readLockfile()).filter(({ name }) => name === "fastify");
  expect(await licencesText(fastify)).toMatch(/^fastify \d+\.\d+\.\d+ \(MIT\)\n-+\nMIT License\n/);
});
