import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type BackupRecord, encodeRecord } from "../../api/backup/records.ts";
import { unavailable } from "../../api/machinery/errors.ts";
import type { Call, Flags } from "../command.ts";
import { writeWhole } from "../backup/write-whole.ts";
import { runBackup } from "./backup.ts";
import { runBackupInspect, runBackupVerify } from "./backup-inspect.ts";

// A key: guesses at a passphrase are meant to be slow.
const { publicKey, privateKey } = generateKeyPairSync("x25519", {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const passphrase = "correct horse battery";

function recordsOf(created = "2026-11-21T20:00:00Z", revision = 7): readonly BackupRecord[] {
  const about = { product: "0.1.0", cluster: "3f1c", revision, created };
  return [
    { type: "about", about: { ...about, source: "shared" } },
    { type: "settings", settings: { names: ["lighthouse.example.com"] } },
    { type: "file", name: "ca.key", value: Buffer.from("PRIVATE KEY") },
    {
      type: "entry",
      key: "/registry/lighthouse.dev/applications/shop/web",
      value: Buffer.from('{"kind":"Application"}'),
      at: 5,
      createdAt: 2,
    },
    { type: "end", entries: 1, files: 1 },
  ];
}

type Answer = readonly (BackupRecord | Error)[];

async function* bodyOf(answer: Answer): AsyncGenerator<Uint8Array> {
  for (const part of answer) {
    if (part instanceof Error) throw part;
    yield encodeRecord(part);
  }
}

type Printed = { out: string; err: string; asked: number };

/** A call whose server gives these answers, one after the other. */
function callOf(args: readonly string[], flags: Flags, answers: readonly Answer[], env = {}) {
  const printed: Printed = { out: "", err: "", asked: 0 };
  const raw = async (): Promise<unknown> => {
    printed.asked += 1;
    return { status: 200, headers: {}, body: bodyOf(answers[printed.asked - 1] ?? []) };
  };
  const call = {
    args,
    flags: withKeys(flags),
    io: {
      out: (text: string) => void (printed.out += text),
      err: (text: string) => void (printed.err += text),
      isTerminal: false,
      color: false,
      env,
      clock: { nowMs: () => 0 },
    },
    signal: new AbortController().signal,
    connect: async () => ({ client: { raw } }),
  } as unknown as Call;
  return { call, printed };
}

/** The folder of a test's keys, beside what it writes. */
let keys = "";
beforeAll(async () => {
  keys = await mkdtemp(join(tmpdir(), "lighthouse-backup-keys-"));
  await writeFile(join(keys, "backup.pub"), publicKey);
  await writeFile(join(keys, "backup.key"), privateKey);
});
afterAll(() => rm(keys, { recursive: true, force: true }));

const withKeys = (flags: Flags): Flags => ({
  recipient: [join(keys, "backup.pub")],
  identity: join(keys, "backup.key"),
  ...flags,
});

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "lighthouse-backup-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test("backup writes a file for its owner alone, which inspect and verify read", async () => {
  const path = join(await folder(), "lighthouse.backup");
  const { call, printed } = callOf([path], {}, [recordsOf()]);
  expect(await runBackup(call)).toBe(0);
  expect(printed.err).toMatch(/^Backed up 1 objects at revision 7 to .* \(\d+ B\)\n$/);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await readFile(path)).includes("PRIVATE KEY")).toBe(false);
  const inspect = callOf([path], {}, []);
  expect(await runBackupInspect(inspect.call)).toBe(0);
  expect(inspect.printed.out).toMatch(/Opens with: +the private key of [0-9a-f]{16}\n/);
  expect(inspect.printed.out).toMatch(/ {2}applications\.lighthouse\.dev +1\n/);
  const verify = callOf([path], {}, []);
  expect(await runBackupVerify(verify.call)).toBe(0);
  expect(verify.printed.out).toContain("is complete and unchanged: 1 objects");
});

test("backup inspect lets nothing in a file steer the terminal", async () => {
  const dir = await folder();
  const path = join(dir, "lighthouse.backup");
  const [about, settings, file, ...rest] = recordsOf();
  if (about === undefined || settings === undefined || file?.type !== "file") {
    throw new Error("the records are others");
  }
  const records = [about, settings, { ...file, name: "ca\u001b[2J.key" }, ...rest];
  expect(await runBackup(callOf([path], {}, [records]).call)).toBe(0);
  const identity = { identity: join(keys, "backup.key"), counts: true } as const;
  const { call, printed } = callOf([path], identity, []);
  expect(await runBackupInspect(call)).toBe(0);
  expect(printed.out).toContain("ca\\u001b[2J.key");
  expect(printed.out).not.toContain("\u001b");
});

test("a passphrase is one that takes long to guess", async () => {
  const path = join(await folder(), "lighthouse.backup");
  const flags = { recipient: [], identity: undefined };
  const env = (LIGHTHOUSE_BACKUP_PASSPHRASE: string) => ({ LIGHTHOUSE_BACKUP_PASSPHRASE });
  const short = callOf([path], flags, [recordsOf()], env("short"));
  await expect(runBackup(short.call)).rejects.toThrow("at least 12 characters");
  await expect(runBackup(callOf([path], flags, [recordsOf()]).call)).rejects.toThrow(
    "there is no terminal to ask on",
  );
  expect(await runBackup(callOf([path], flags, [recordsOf()], env(passphrase)).call)).toBe(0);
  const wrong = callOf([path], flags, [], env("correct horse cattery"));
  await expect(runBackupVerify(wrong.call)).rejects.toThrow("with this passphrase");
});

test("backup replaces nothing unless it is told to", async () => {
  const path = join(await folder(), "lighthouse.backup");
  await writeFile(path, "the last one");
  await expect(runBackup(callOf([path], {}, [recordsOf()]).call)).rejects.toThrow("use --force");
  expect(await readFile(path, "utf8")).toBe("the last one");
  expect(await runBackup(callOf([path], { force: true }, [recordsOf()]).call)).toBe(0);
  expect(await readFile(path, "utf8")).not.toBe("the last one");
});

const [about, settings, file] = recordsOf();
const start = [about, settings, file].filter((one) => one !== undefined);
const cut = unavailable("Cannot reach the API server: other side closed");

test.each([
  ["a connection that is cut", [...start, cut], "no file was written"],
  ["an answer that just ends", start, "it ends too early"],
  ["a server that cannot go on", [{ type: "failure", message: "no key", again: false }], "no key"],
] as readonly (readonly [string, Answer, string])[])(
  "backup leaves no file behind after %s",
  async (_why, answer, message) => {
    const dir = await folder();
    const { call } = callOf([join(dir, "lighthouse.backup")], {}, [answer]);
    await expect(runBackup(call)).rejects.toThrow(message);
    expect(await readdir(dir)).toEqual([]);
  },
);

test("backup is taken again when a compaction overtook it, three times at most", async () => {
  const failure = { type: "failure", message: "compacted", again: true } as const;
  const late: Answer = [...start, failure];
  const path = join(await folder(), "lighthouse.backup");
  const { call, printed } = callOf([path], {}, [late, late, recordsOf()]);
  expect(await runBackup(call)).toBe(0);
  expect(printed.asked).toBe(3);
  const slow = callOf([`${path}.2`], {}, [late, late, late, recordsOf()]);
  await expect(runBackup(slow.call)).rejects.toThrow("compacted");
  expect(slow.printed.asked).toBe(3);
});

test("backup keeps the newest of a folder, and leaves other files alone", async () => {
  const dir = await folder();
  await writeFile(join(dir, "notes.lighthouse-backup"), "no backup");
  for (const day of ["19", "20", "21"]) {
    const { call } = callOf([dir], { keep: "2" }, [recordsOf(`2026-11-${day}T20:00:00Z`)]);
    expect(await runBackup(call)).toBe(0);
  }
  expect((await readdir(dir)).toSorted()).toEqual([
    "lighthouse-2026-11-20T20-00-00Z.lighthouse-backup",
    "lighthouse-2026-11-21T20-00-00Z.lighthouse-backup",
    "notes.lighthouse-backup",
  ]);
});

test("backup keeps what it has just taken, also after the clock was put right", async () => {
  const dir = await folder();
  const namedAt = (created: string): string =>
    `lighthouse-${created.replaceAll(":", "-")}.lighthouse-backup`;
  const times = ["2038-01-01T00:00:00Z", "2038-01-02T00:00:00Z", "2026-11-21T20:00:00Z"];
  for (const [index, created] of times.entries()) {
    const records = recordsOf(created, 7 + index);
    expect(await runBackup(callOf([dir], { keep: "1" }, [records]).call)).toBe(0);
    expect(await readdir(dir)).toEqual([namedAt(created)]);
  }
});

test.each([
  { created: "2026-11-21 (/../../../etc/cron.d/x)" },
  { product: "0.1.0\u001b]0;owned\u0007" },
  { cluster: "../../x" },
])("backup takes no name from a server that leads elsewhere: %j", async (changed) => {
  const dir = await folder();
  const [about, ...rest] = recordsOf();
  if (about?.type !== "about") throw new Error("the records begin with another one");
  const records = [{ ...about, about: { ...about.about, ...changed } }, ...rest];
  await expect(runBackup(callOf([dir], {}, [records]).call)).rejects.toThrow(
    "it does not say what it is a backup of",
  );
  expect(await readdir(dir)).toEqual([]);
});

test("writeWhole() says when the disk is full, and leaves what was there", async () => {
  const dir = await folder();
  const path = join(dir, "lighthouse.backup");
  await writeFile(path, "the last one");
  async function* full(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("some");
    throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  }
  await expect(writeWhole(path, full(), { force: true })).rejects.toThrow("the disk is full");
  expect(await readdir(dir)).toEqual(["lighthouse.backup"]);
  expect(await readFile(path, "utf8")).toBe("the last one");
});

test("backup takes no private key for a recipient", async () => {
  const recipient = [join(keys, "backup.key")];
  const { call, printed } = callOf([join(keys, "none")], { recipient }, [recordsOf()]);
  await expect(runBackup(call)).rejects.toThrow("it is the private key; name the public one");
  expect(printed.asked).toBe(0);
});
