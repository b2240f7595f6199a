import { expect, test } from "vitest";
import { serverConfigOf } from "./run-parts.ts";

test("every --name is for the certificate", () => {
  const flags = { name: ["lighthouse.example.com", "10.1.2.3"] };
  expect(serverConfigOf(flags, "/data").names).toEqual(["lighthouse.example.com", "10.1.2.3"]);
  expect(serverConfigOf({}, "/data").names).toEqual([]);
});

test("--token-issuer must be an https URL", () => {
  const issuerOf = (url: string) => serverConfigOf({ "token-issuer": url }, "/data").tokenIssuer;
  expect(issuerOf("https://keys.example.com/shop")).toBe("https://keys.example.com/shop");
  expect(serverConfigOf({}, "/data")).not.toHaveProperty("tokenIssuer");
  for (const wrong of ["http://x", "https://", "https://x?y", "x"]) {
    expect(() => issuerOf(wrong)).toThrow("tokenIssuer is no https URL without query");
  }
});
