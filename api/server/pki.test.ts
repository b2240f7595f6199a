import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { beaconNameOf } from "./pki/beacon-name.ts";
import { openPki, type Pki } from "./pki.ts";

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 10, 21);
const names = ["localhost", "127.0.0.1", "::1", "Host.example"];

let root: string;
let directory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lighthouse-pki-"));
  directory = join(root, "pki");
});
afterEach(() => rm(root, { recursive: true }));

const open = (over: { names?: string[]; nowMs?: number } = {}): Promise<Pki> =>
  openPki({ directory, names, nowMs, ...over });

test("openPki() issues certificates that fit the authority and their names", async () => {
  const pki = await open();
  const authority = new X509Certificate(pki.authority);
  const serving = new X509Certificate(pki.serving.certificate);
  const admin = new X509Certificate(pki.admin.certificate);
  expect(authority.ca).toBe(true);
  expect(authority.validToDate.getTime() - nowMs).toBe(3650 * dayMs);
  expect(serving.verify(authority.publicKey) && serving.checkIssued(authority)).toBe(true);
  expect(serving.checkHost("localhost")).toBe("localhost");
  expect(serving.checkIP("::1")).toBe("::1");
  expect(serving.checkHost("elsewhere")).toBeUndefined();
  expect(admin.subject).toBe("O=system:masters\nCN=admin");
});

test("openPki() keeps keys private and leaves no draft behind", async () => {
  await open();
  const files = await readdir(directory);
  expect(files.toSorted()).toEqual(
    ["admin", "agent", "ca", "controllers", "serving"].flatMap((name) => [
      `${name}.crt`,
      `${name}.key`,
    ]),
  );
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  for (const file of files) {
    const mode = (await stat(join(directory, file))).mode & 0o777;
    expect(mode).toBe(file.endsWith(".key") ? 0o600 : 0o644);
  }
});

test("openPki() finds everything again at the second start", async () => {
  const first = await open();
  expect(await open({ names: names.toReversed() })).toEqual(first);
});

test("openPki() renews what ends within 30 days, under the same authority", async () => {
  const first = await open();
  const early = await open({ nowMs: nowMs + 334 * dayMs });
  expect(early).toEqual(first);
  const late = await open({ nowMs: nowMs + 336 * dayMs });
  expect(late.authority).toBe(first.authority);
  expect(late.serving).not.toEqual(first.serving);
  expect(late.admin).not.toEqual(first.admin);
});

test("openPki() renews the serving certificate alone when the names change", async () => {
  const first = await open();
  const second = await open({ names: [...names, "192.0.2.7"] });
  expect(new X509Certificate(second.serving.certificate).checkIP("192.0.2.7")).toBe("192.0.2.7");
  expect({ ...second, serving: first.serving }).toEqual(first);
});

test("openPki() issues again what was removed, and what another authority issued", async () => {
  const first = await open();
  await rm(join(directory, "admin.crt"));
  const second = await open();
  expect(second.admin).not.toEqual(first.admin);
  await rm(directory, { recursive: true });
  const other = await open();
  await writeFile(join(directory, "admin.crt"), first.admin.certificate);
  await writeFile(join(directory, "admin.key"), first.admin.key);
  const third = await open();
  expect(third.admin).not.toEqual(first.admin);
  expect(third.authority).toBe(other.authority);
});

test("openPki() goes on after a first start that was cut off", async () => {
  await open();
  for (const file of await readdir(directory)) {
    if (file !== "ca.key") await rm(join(directory, file));
  }
  await expect(open()).resolves.toBeDefined();
});

const startOver = /restore it from a backup, or remove .*pki to start with a new identity/;
const issueAgain = /remove .*serving\.crt and .*serving\.key: the next start issues them again/;

test.each([
  ["ca.crt", "junk", "it does not hold a certificate in PEM", startOver],
  ["ca.key", "junk", "it does not hold a private key in PEM", startOver],
  ["ca.key", undefined, "it is missing", startOver],
  ["ca.crt", undefined, "it is missing", startOver],
  ["serving.crt", "", "it does not hold a certificate in PEM", issueAgain],
  ["serving.key", "junk", "it does not hold a private key in PEM", issueAgain],
])("openPki() names %s (%s) and the way out", async (file, content, why, wayOut) => {
  await open();
  const path = join(directory, file);
  await (content === undefined ? rm(path) : writeFile(path, content));
  const failure = await open().catch((err: unknown) => err);
  expect(String(failure)).toContain(`Cannot use ${path}: ${why}; `);
  expect(String(failure)).toMatch(wayOut);
});

test("openPki() refuses a foreign key and an authority that has expired", async () => {
  await open();
  await writeFile(join(directory, "ca.key"), await readFile(join(directory, "admin.key")));
  await expect(open()).rejects.toThrow("it is not the key of the certificate beside it");
  await rm(directory, { recursive: true });
  await open();
  await expect(open({ nowMs: nowMs + 3651 * dayMs })).rejects.toThrow("ca.crt: it expired on");
});

const agentOf = ({ agent }: Pki): string => new X509Certificate(agent.certificate).subject;

test("openPki() issues the agent's certificate for the beacon that it runs", async () => {
  const named = await openPki({ directory, names, nowMs, beacon: "paris" });
  expect([named.beacon, agentOf(named)]).toEqual([
    "paris",
    "O=system:beacons\nCN=system:beacon:paris",
  ]);
  // The name stays when nobody says another one: Nodes are labelled with it.
  const again = await open();
  expect([again.beacon, again.agent]).toEqual(["paris", named.agent]);
  const renamed = await openPki({ directory, names, nowMs, beacon: "berlin" });
  expect(agentOf(renamed)).toBe("O=system:beacons\nCN=system:beacon:berlin");
});

test("openPki() names the agent after the host, also where a former version called it local", async () => {
  await openPki({ directory, names, nowMs, beacon: "local" });
  const pki = await open();
  expect(pki.beacon).toBe(beaconNameOf(hostname()));
  expect(agentOf(pki)).toBe(`O=system:beacons\nCN=system:beacon:${pki.beacon}`);
});

test.each([
  ["CI_Runner 7", "ci-runner-7"],
  ["host.example.com", "host.example.com"],
  ["--", "local"],
  [`${"a".repeat(62)}.b`, "a".repeat(62)],
])("beaconNameOf() makes of %j %j", (name, want) => {
  expect(beaconNameOf(name)).toBe(want);
});
