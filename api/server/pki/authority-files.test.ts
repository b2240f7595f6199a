import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openAuthority } from "./authority-files.ts";
import {
  advancedRotation,
  type AuthorityRecord,
  begunRotation,
  finishedRotation,
} from "./authority-record.ts";
import { issueAuthority, issueSuccessor, type KeyPair } from "./issue.ts";

const nowMs = Date.UTC(2026, 0, 1);

let directory: string;
let first: KeyPair;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lighthouse-authority-"));
  first = (await openAuthority(undefined, { directory, nowMs })).issuer;
});
afterEach(() => rm(directory, { recursive: true }));

const open = (record: AuthorityRecord) => openAuthority(record, { directory, nowMs });
const file = (name: string): Promise<string> => readFile(join(directory, name), "utf8");

/** A rotation of what issues now, and its steps. */
async function rotation(before: AuthorityRecord | undefined, old: KeyPair) {
  const next = await issueSuccessor(old, nowMs);
  const spreading = begunRotation(before, old, next, nowMs);
  const issuing = advancedRotation(spreading, nowMs + 10, 10);
  return { next, spreading, issuing, stable: finishedRotation(issuing, nowMs + 20) };
}

test("openAuthority() goes through a rotation step by step", async () => {
  const { next, spreading, issuing, stable } = await rotation(undefined, first);
  expect(await open(spreading)).toEqual({
    issuer: first,
    roots: [first.certificate, next.certificate],
    cross: "",
    retired: [],
  });
  const issuer = { certificate: next.certificate, key: next.key };
  const shared = { issuer, cross: next.cross };
  const [old] = [first.certificate];
  expect(await open(issuing)).toEqual({
    ...shared,
    roots: [next.certificate, old],
    retired: [],
  });
  expect(await open(stable)).toEqual({ ...shared, roots: [next.certificate], retired: [old] });
  expect([await file("ca.crt"), await file("ca.key")]).toEqual([next.certificate, next.key]);
});

test("openAuthority() gets over a crash between its two files", async () => {
  const { next, issuing, stable } = await rotation(undefined, first);
  for (const record of [issuing, stable]) {
    await writeFile(join(directory, "ca.key"), next.key);
    await writeFile(join(directory, "ca.crt"), first.certificate);
    expect((await open(record)).issuer.key).toBe(next.key);
    expect(await file("ca.crt")).toBe(next.certificate);
  }
});

test("openAuthority() leads from the key of any former root to the one that issues", async () => {
  const one = await rotation(undefined, first);
  const two = await rotation(one.stable, one.next);
  const { issuer, cross, retired } = await open(two.stable);
  expect(issuer.key).toBe(two.next.key);
  expect(cross).toBe(`${two.next.cross}${one.next.cross}`);
  expect(retired).toEqual([one.next.certificate, first.certificate]);
});

test("openAuthority() issues by the newest root that it has the key of, also when the record is older", async () => {
  const { next, spreading } = await rotation(undefined, first);
  await writeFile(join(directory, "ca.key"), next.key);
  expect((await open(spreading)).issuer.certificate).toBe(next.certificate);
});

test("openAuthority() refuses a server of another authority, and names the way out", async () => {
  const other = await issueAuthority("lighthouse-ca", nowMs);
  const { stable } = await rotation(undefined, other);
  await expect(open(stable)).rejects.toThrow(
    /ca\.key: its key is of none of the authorities that the store knows; copy ca\.crt, ca\.key/,
  );
  expect(await file("ca.key")).toBe(first.key);
});

test("what the store holds tells no key to who has none", async () => {
  const { next, issuing } = await rotation(undefined, first);
  const text = JSON.stringify(issuing);
  expect(text).not.toContain("PRIVATE KEY");
  const [sealed = ""] = issuing.roots.map(({ sealedKey = "" }) => sealedKey);
  expect(Buffer.from(sealed, "base64").toString("latin1")).not.toContain("PRIVATE KEY");
  expect(sealed.length).toBeGreaterThan(next.key.length);
});

test("a rotation has one step after the other", async () => {
  const { next, spreading, issuing, stable } = await rotation(undefined, first);
  expect(advancedRotation(spreading, nowMs + 9, 10)).toBe(spreading);
  // A clock that is a little behind, and one that was put right by a year.
  expect(advancedRotation(spreading, nowMs - 5_000, 10)).toBe(spreading);
  expect(advancedRotation(spreading, nowMs - 31_536_000_000, 10).phase).toBe("Issuing");
  expect(() => finishedRotation(spreading, nowMs)).toThrow(/does not issue yet/);
  expect(() => finishedRotation(stable, nowMs)).toThrow(/nothing to finish/);
  expect(() => finishedRotation(undefined, nowMs)).toThrow(/nothing to finish/);
  for (const record of [spreading, issuing]) {
    expect(() => begunRotation(record, first, next, nowMs)).toThrow(/goes on already/);
  }
});
