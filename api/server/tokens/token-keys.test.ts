import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { manualClock } from "../../../test/kit/clock.ts";
import { accountTokens, type TokenOrder } from "./account-tokens.ts";
import { openTokenKeys } from "./token-keys.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lighthouse-token-keys-"));
});
afterEach(() => rm(directory, { recursive: true }));

const order: TokenOrder = {
  claims: { namespace: "shop", account: { name: "robot", uid: "u1" } },
  audiences: ["https://kubernetes.default.svc"],
  lifetimeSeconds: 600,
};
const clock = manualClock();
const open = async () => accountTokens({ keys: await openTokenKeys(directory), clock });
const file = (name: string): string => join(directory, name);

test("openTokenKeys() makes a key for its owner alone, and finds it again", async () => {
  const token = await (await open()).sign(order);
  expect((await stat(file("service-account.key"))).mode & 0o777).toBe(0o600);
  expect((await (await open()).verify(token))?.user.name).toBe("system:serviceaccount:shop:robot");
});

test("a rotated key still verifies, until it is removed", async () => {
  const token = await (await open()).sign(order);
  await rename(file("service-account.key"), file("service-account-2026.key"));
  const rotated = await open();
  expect(await rotated.verify(token)).toBeDefined();
  const [first, second] = (await rotated.jwks()).keys;
  expect(first?.kid).not.toBe(second?.kid);
  expect(JSON.stringify(await rotated.jwks())).not.toContain('"d"');
  const fresh = await rotated.sign(order);
  await rm(file("service-account-2026.key"));
  const last = await open();
  await expect(last.verify(token)).rejects.toThrow("invalid service account token");
  expect(await last.verify(fresh)).toBeDefined();
});

test("another server's public key verifies, RSA too", async () => {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const [key, pub] = [pair.privateKey, pair.publicKey];
  await writeFile(
    file("service-account.key"),
    key.export({ type: "pkcs8", format: "pem" }).toString(),
  );
  const token = await (await open()).sign(order);
  await rm(file("service-account.key"));
  await writeFile(
    file("service-account-b.pub"),
    pub.export({ type: "spki", format: "pem" }).toString(),
  );
  expect(await (await open()).verify(token)).toBeDefined();
});

test.each([
  ["no key", "service-account.key", "nonsense"],
  ["no key", "service-account-old.pub", "nonsense"],
])("openTokenKeys() names a file with %s: %s", async (_what, name, text) => {
  await writeFile(file(name), text);
  await expect(openTokenKeys(directory)).rejects.toThrow(`Cannot use ${file(name)}: `);
  expect(await readFile(file(name), "utf8")).toBe(text);
});

test("openTokenKeys() refuses a curve that nobody else verifies", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await writeFile(file("service-account.key"), pem);
  await expect(openTokenKeys(directory)).rejects.toThrow(
    "it is neither an ECDSA P-256 nor an RSA key",
  );
});

test("a foreign token is not ours, and a token without an end lasts", async () => {
  const tokens = await open();
  const foreign = accountTokens({
    keys: await openTokenKeys(directory),
    clock,
    issuer: "https://other",
  });
  expect(await tokens.verify(await foreign.sign(order))).toBeUndefined();
  expect(await tokens.verify("abc")).toBeUndefined();
  const { lifetimeSeconds: _none, ...endless } = order;
  expect(await tokens.verify(await tokens.sign(endless))).toBeDefined();
});
