import { expect, test } from "vitest";
import { takeToken } from "./token-protocol.ts";

const prefix = "base64url.bearer.authorization.k8s.io.";
const encoded = (text: string): string => prefix + Buffer.from(text).toString("base64url");

test.each([
  [undefined, { protocols: [] }],
  [
    "v4.channel.k8s.io, v5.channel.k8s.io",
    { protocols: ["v4.channel.k8s.io", "v5.channel.k8s.io"] },
  ],
  [
    `${encoded("s3cret~")},v4.channel.k8s.io`,
    { token: "s3cret~", protocols: ["v4.channel.k8s.io"] },
  ],
  [`binary.k8s.io , ${encoded("tö")}`, { token: "tö", protocols: ["binary.k8s.io"] }],
])("takeToken() of %j", (header, want) => {
  expect(takeToken(header)).toEqual(want);
});

test.each([
  ["no other protocol", encoded("abc"), "no other protocol"],
  ["two tokens", `${encoded("a")}, ${encoded("b")}, v4.channel.k8s.io`, "there are two"],
  ["padding", `${prefix}YQ==, v4.channel.k8s.io`, "not base64url"],
  ["other letters", `${prefix}a*b, v4.channel.k8s.io`, "not base64url"],
  ["bytes that are no text", `${prefix}_w, v4.channel.k8s.io`, "not base64url of text"],
  ["an empty token", `${prefix}, v4.channel.k8s.io`, "not base64url"],
])("takeToken() refuses %s", (_why, header, words) => {
  expect(() => takeToken(header)).toThrow(words);
});
