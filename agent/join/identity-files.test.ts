import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPublicKey } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { issueAuthority, issueForKey } from "../../api/server/pki/issue.ts";
import { keepCertificate, keepIdentity, openKey, readIdentity } from "./identity-files.ts";

let root: string;
let dir: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lighthouse-identity-"));
  dir = join(root, "deep", "agent");
});
afterEach(() => rm(root, { recursive: true }));

async function certificateFor(key: string): Promise<string> {
  const nowMs = Date.now();
  const publicKey = new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }));
  const identity = { user: "system:beacon:edge", groups: ["system:beacons"] };
  const issuer = await issueAuthority("test", nowMs);
  return issueForKey(issuer, { identity, publicKey, nowMs, lifetimeMs: 3_600_000 });
}

async function joined() {
  const key = await openKey(dir);
  const certificate = await certificateFor(key);
  const facts = { server: "https://x:6443", beacon: "edge", tokenId: "abcdef", authority: "CA" };
  const identity = { ...facts, certificate, key };
  await keepIdentity(dir, identity);
  return identity;
}

test("openKey() makes one key, for its owner alone, and finds it again", async () => {
  const key = await openKey(dir);
  expect(await openKey(dir)).toBe(key);
  expect((await stat(join(dir, "agent.key"))).mode & 0o777).toBe(0o600);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  await chmod(join(dir, "agent.key"), 0o644);
  await openKey(dir);
  expect((await stat(join(dir, "agent.key"))).mode & 0o777).toBe(0o600);
});

test("openKey() says which file is damaged, and does not replace it", async () => {
  await openKey(dir);
  await writeFile(join(dir, "agent.key"), "rubbish");
  await expect(openKey(dir)).rejects.toThrow(/Cannot keep the agent's identity in .*agent.key: /);
  expect(await readFile(join(dir, "agent.key"), "utf8")).toBe("rubbish");
});

test("readIdentity() finds what keepIdentity() kept, and nothing before it was whole", async () => {
  expect(await readIdentity(dir)).toBeUndefined();
  await openKey(dir);
  expect(await readIdentity(dir)).toBeUndefined();
  const identity = await joined();
  expect(await readIdentity(dir)).toEqual(identity);
  expect((await readdir(dir)).filter((file) => file.endsWith(".tmp"))).toEqual([]);
});

test("readIdentity() refuses a certificate of another key", async () => {
  await joined();
  const other = await openKey(join(root, "other"));
  await writeFile(join(dir, "agent.crt"), await certificateFor(other));
  await expect(readIdentity(dir)).rejects.toThrow(/agent.crt is not of the key beside it/);
});

test("keepCertificate() that fails names the file and leaves no draft", async () => {
  const { key } = await joined();
  const place = join(dir, "agent.crt");
  // A folder in place of the file: the rename fails, as late as it can.
  await rm(place);
  await mkdir(join(place, "x"), { recursive: true });
  const next = await certificateFor(key);
  await expect(keepCertificate(dir, next)).rejects.toThrow(
    /Cannot keep the agent's identity in .*agent.crt: /,
  );
  expect((await readdir(dir)).filter((file) => file.endsWith(".tmp"))).toEqual([]);
});
