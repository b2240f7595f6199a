import { X509Certificate } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { authorityHash } from "./join-link.ts";
import { issueAuthority } from "../server/pki/issue.ts";
import { pinnedAuthority, WrongAuthority } from "./fetch-authority.ts";

const server = "https://lighthouse.example:6443";
let real: string;
let evil: string;
beforeAll(async () => {
  const made = [issueAuthority("real", Date.now()), issueAuthority("evil", Date.now())] as const;
  [real, evil] = (await Promise.all(made)).map(({ certificate }) => certificate) as [
    string,
    string,
  ];
});

const pinned = (authority: string): string =>
  pinnedAuthority(server, { authority }, authorityHash(real));

const certificates = (pem: string): number => pem.split("BEGIN CERTIFICATE").length - 1;

test("the pinned authority is trusted, whatever stands around it", () => {
  const found = pinned(`# ours\n${real}`);
  expect(new X509Certificate(found).fingerprint256).toBe(new X509Certificate(real).fingerprint256);
});

test.each([
  ["behind", () => `${real}\n${evil}`],
  ["before", () => `${evil}\n${real}`],
])("an authority that somebody put %s the pinned one is not trusted", (_where, text) => {
  const found = pinned(text());
  expect(certificates(found)).toBe(1);
  expect(new X509Certificate(found).fingerprint256).toBe(new X509Certificate(real).fingerprint256);
});

test.each([
  ["another authority", () => evil],
  ["several others", () => `${evil}\n${evil}`],
  ["no certificate", () => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
])("%s is refused", (_what, text) => {
  expect(() => pinned(text())).toThrow(WrongAuthority);
});
