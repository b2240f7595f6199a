import { expect, test } from "vitest";
import {
  chooseProtocol,
  commandProtocols,
  decodeMessage,
  encodeMessage,
  forwardProtocols,
} from "./channels.ts";

const protocolOf = (name: string) => {
  const found = commandProtocols.find((one) => one.name === name);
  if (found === undefined) throw new Error(`Cannot find ${name}`);
  return found;
};
const binary = protocolOf("v4.channel.k8s.io");
const text = protocolOf("v4.base64.channel.k8s.io");

test.each([
  ["binary", binary, Buffer.from("\u0001abc"), { channel: 1, bytes: Buffer.from("abc") }],
  ["a channel without data", binary, Buffer.of(255), { channel: 255, bytes: Buffer.alloc(0) }],
  ["base64", text, Buffer.from("2YWJj"), { channel: 2, bytes: Buffer.from("abc") }],
  ["nothing", binary, Buffer.alloc(0), undefined],
  ["no digit", text, Buffer.from("xYWJj"), undefined],
  ["a letter before the digits", text, Buffer.from("/YWJj"), undefined],
])("decodeMessage() of %s", (_what, protocol, message, want) => {
  expect(decodeMessage(protocol, message)).toEqual(want);
});

test("encodeMessage() is what decodeMessage() reads", () => {
  const message = { channel: 3, bytes: Buffer.from([0, 255, 10]) };
  for (const protocol of [binary, text]) {
    const encoded = encodeMessage(protocol, message);
    expect(typeof encoded === "string").toBe(protocol.base64);
    expect(decodeMessage(protocol, Buffer.from(encoded as string))).toEqual(message);
  }
});

test.each([
  [["v4.channel.k8s.io", "v5.channel.k8s.io"], "v4.channel.k8s.io"],
  [["none", "base64.channel.k8s.io"], "base64.channel.k8s.io"],
  [[], ""],
  [["none"], undefined],
])("chooseProtocol() of %j is %j", (offered, want) => {
  expect(chooseProtocol(offered, commandProtocols)?.name).toBe(want);
});

test("ports are not forwarded over channels that clients could close one by one", () => {
  expect(chooseProtocol(["v5.channel.k8s.io"], forwardProtocols)).toBeUndefined();
});

test("what each version can say", () => {
  const facts = commandProtocols.map(({ name, jsonStatus, closes }) => [name, jsonStatus, closes]);
  expect(facts).toEqual([
    ["v5.channel.k8s.io", true, true],
    ["v4.channel.k8s.io", true, false],
    ["v4.base64.channel.k8s.io", true, false],
    ["channel.k8s.io", false, false],
    ["base64.channel.k8s.io", false, false],
    ["", false, false],
  ]);
});
