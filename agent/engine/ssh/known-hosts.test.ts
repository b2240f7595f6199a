import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { judgeKey, knownAlgorithms } from "./known-hosts.ts";

function key(type: string, salt: string): Buffer {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.from(salt)]);
}

const ed = key("ssh-ed25519", "one");
const other = key("ssh-ed25519", "two");
const rsa = key("ssh-rsa", "one");
const line = (hosts: string, blob: Buffer, type = "ssh-ed25519"): string =>
  `${hosts} ${type} ${blob.toString("base64")} comment\n`;
const salt = Buffer.from("0123456789abcdefghij");
const hashed = (name: string): string =>
  `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;

test.each([
  ["by name", line("box,10.0.0.9", ed), "known"],
  ["whatever its case", line("Box", ed), "known"],
  ["by a pattern", line("b*x,other", ed), "known"],
  ["by a hash", line(hashed("box"), ed), "known"],
  ["but not one of another port", line("[box]:2222", ed), "unknown"],
  ["but not one that a pattern excludes", line("*,!box", ed), "unknown"],
  ["but not one of another host", line("boxes", ed), "unknown"],
  ["that has changed", line("box", other), "changed"],
  ["of another type", line("box", rsa, "ssh-rsa"), "unknown"],
  ["that was revoked", `${line("box", ed)}@revoked ${line("*", ed)}`, "revoked"],
  ["that only an authority vouches for", `@cert-authority ${line("box", ed)}`, "unknown"],
  ["in an empty file", "\n# box\nbox\n", "unknown"],
])("judgeKey() tells a key %s", (_what, knownHosts, want) => {
  expect(judgeKey(knownHosts, { host: "box", port: 22 }, ed)).toBe(want);
});

test("judgeKey() looks for hosts at other ports as ssh writes them", () => {
  const target = { host: "fe80::1", port: 2222 };
  expect(judgeKey(line("[fe80::1]:2222", ed), target, ed)).toBe("known");
  expect(judgeKey(line(hashed("[fe80::1]:2222"), ed), target, ed)).toBe("known");
});

test("knownAlgorithms() asks only for keys that are known, and never for SHA-1", () => {
  const box = { host: "box", port: 22 };
  expect(knownAlgorithms(line("box", ed) + line("box", rsa, "ssh-rsa"), box)).toEqual([
    "ssh-ed25519",
    "rsa-sha2-512",
    "rsa-sha2-256",
  ]);
  expect(knownAlgorithms(line("other", ed), box)).toEqual([]);
});
