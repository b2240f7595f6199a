import { expect, test } from "vitest";
import { serverConfigOf } from "./run-parts.ts";

test("every --name is for the certificate", () => {
  const flags = { name: ["lighthouse.example.com", "10.1.2.3"] };
  expect(serverConfigOf(flags, "/data").names).toEqual(["lighthouse.example.com", "10.1.2.3"]);
  expect(serverConfigOf({}, "/data").names).toEqual([]);
});
