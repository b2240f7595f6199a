import { createPublicKey, generateKeyPairSync } from "node:crypto";
import {
  appendFile,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { signerOf, type SignedCheckpoint } from "../../audit/checkpoint.ts";
import { filesOf, readLog } from "../../audit/log-reader.ts";
import { type Verdict, Verifier } from "../../audit/verify.ts";
import { type AuditLog, type AuditLogOptions, openAuditLog } from "./audit-log.ts";
import { type LogFiles, logFiles } from "./log-files.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const publicKey = createPublicKey(privateKey);
const event = (name: string): string => `{"kind":"Event","verb":"${name}","annotations":{"a":"b"}}`;

let dir: string;
let path: string;
let headPath: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "lighthouse-audit-"));
  path = join(dir, "log", "audit.log");
  headPath = join(dir, "audit.head");
});
afterEach(() => rm(dir, { recursive: true }));

function open(more: Partial<AuditLogOptions> = {}): Promise<AuditLog> {
  const signer = signerOf(privateKey);
  const clock = { nowMs: () => Date.parse("2026-11-21T22:00:00Z") };
  return openAuditLog({ files: logFiles(path, headPath), signer, publicKey, clock, ...more });
}

async function run(names: readonly string[], more: Partial<AuditLogOptions> = {}): Promise<void> {
  await using log = await open(more);
  for (const name of names) expect(await log.record(event(name))).toBe(true);
}

/** A run that ends like `kill -9`: nothing is written any more. */
async function runAndDie(names: readonly string[]): Promise<void> {
  const files = logFiles(path, headPath);
  let dead = false;
  const dying = wrapped(files, {
    append: async (bytes) => {
      if (!dead) await files.append(bytes);
    },
    writeHead: async (one) => {
      if (!dead) await files.writeHead(one);
    },
  });
  await using log = await open({ files: dying });
  for (const name of names) await log.record(event(name));
  dead = true;
}

function wrapped(files: LogFiles, over: Partial<LogFiles>): LogFiles {
  const plain: LogFiles = {
    get bytes() {
      return files.bytes;
    },
    open: () => files.open(),
    append: (bytes) => files.append(bytes),
    sync: () => files.sync(),
    rotate: () => files.rotate(),
    countYounger: (keep, ms) => files.countYounger(keep, ms),
    prune: (keep) => files.prune(keep),
    readHead: () => files.readHead(),
    writeHead: (one) => files.writeHead(one),
    close: () => files.close(),
  };
  return Object.assign(plain, over);
}

async function head(): Promise<SignedCheckpoint> {
  return JSON.parse(await readFile(headPath, "utf8")) as SignedCheckpoint;
}

async function verify(withHead = true): Promise<Verdict> {
  const verifier = new Verifier({ keys: [publicKey], ...(withHead ? { head: await head() } : {}) });
  for await (const { text, file, line } of readLog(await filesOf(path))) {
    if (!verifier.take(text, { file, line })) break;
  }
  return verifier.verdict();
}

async function verbs(): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { text } of readLog(await filesOf(path))) {
    found.push((JSON.parse(text) as { readonly verb: string }).verb);
  }
  return found.filter((verb) => verb !== "checkpoint");
}

async function edit(change: (lines: string[]) => readonly string[]): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n");
  await writeFile(path, change(lines).join("\n"));
}

describe("openAuditLog()", () => {
  test("keeps events in order, for the owner alone, and goes on after a restart", async () => {
    await run(["a0", "a1", "a2"]);
    await run(["b0", "b1", "b2"]);
    expect(await verbs()).toEqual(["a0", "a1", "a2", "b0", "b1", "b2"]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await verify()).toMatchObject({ first: 1, last: 10, lines: 10, notes: [] });
    expect((await verify()).broken).toBeUndefined();
  });

  test("every line stays an audit.k8s.io/v1 Event", async () => {
    await run(["a"]);
    for await (const { text } of readLog([path])) {
      const { kind, annotations } = JSON.parse(text) as { kind: string; annotations: object };
      expect(kind).toBe("Event");
      for (const value of Object.values(annotations)) expect(typeof value).toBe("string");
    }
  });

  test("sets full files aside, keeps only so many, and says so in the chain", async () => {
    await run(["a", "b", "c", "d", "e", "f"], { maxFileBytes: 10, maxFiles: 2 });
    const names = (await readdir(join(dir, "log"))).toSorted();
    expect(names).toEqual(["audit.log", "audit.log.1", "audit.log.2"]);
    expect(await verbs()).toEqual(["d", "e", "f"]);
    const { broken, first } = await verify();
    expect({ broken, first: first > 1 }).toEqual({ broken: undefined, first: true });
  });

  test("drops and counts what a slow disk cannot take, and tells it in the chain", async () => {
    {
      await using log = await open({ maxQueueBytes: event("a").length });
      expect([log.write(event("a")), log.write(event("b")), log.dropped]).toEqual([true, false, 1]);
    }
    expect((await verify()).notes.map(({ what }) => what)).toEqual([
      "1 events could not be written",
    ]);
  });

  test("loses nothing on a full disk that gets room again", async () => {
    const files = logFiles(path, headPath);
    let full = false;
    const errors: unknown[] = [];
    const filling = wrapped(files, {
      append: async (bytes) => {
        if (full) throw new Error("ENOSPC: no space left on device");
        await files.append(bytes);
      },
    });
    {
      await using log = await open({
        files: filling,
        retryMs: 1,
        onError: (err) => errors.push(err),
      });
      expect(await log.record(event("a"))).toBe(true);
      full = true;
      expect(await log.record(event("b"))).toBe(false);
      expect(await log.record(event("c"))).toBe(false);
      expect([log.failing, errors.length]).toEqual([true, 1]);
      full = false;
    }
    expect(await verbs()).toEqual(["a", "b", "c"]);
    expect((await verify()).broken).toBeUndefined();
  });

  test("goes on after a crash in the middle of a line, and marks it", async () => {
    await runAndDie(["a", "b"]);
    await appendFile(path, `{"kind":"Event","verb":"c","user":{"username":"\u00e4`.slice(0, -1));
    await appendFile(path, Buffer.from([0xc3]));
    await run(["d"]);
    const { broken, notes } = await verify();
    expect(broken).toBeUndefined();
    expect(notes.map(({ what }) => what)).toEqual([
      expect.stringContaining("a crash tore the line"),
    ]);
  });

  test("says that a crash may have lost what was in memory", async () => {
    await runAndDie(["a"]);
    await run(["b"]);
    const { broken, notes } = await verify();
    expect(broken).toBeUndefined();
    expect(notes.map(({ what }) => what)).toEqual([expect.stringContaining("not ended in order")]);
  });

  test("does not mix with the lines of a version that chained nothing", async () => {
    await run([]);
    await rm(headPath);
    await writeFile(path, '{"kind":"Event"}\n{"kind":"Event"}\n');
    await run(["a"]);
    expect(await readFile(`${path}.unchained`, "utf8")).toContain("Event");
    expect((await verify()).broken).toBeUndefined();
  });
});

describe("Verifier notices", () => {
  beforeEach(() => run(["a", "b", "c", "d"]));

  test.each<[string, (lines: string[]) => readonly string[], RegExp, number]>([
    ["a removed line", (l) => l.toSpliced(2, 1), /line 3 must stand here, but 4 does/, 3],
    ["a changed line", (l) => l.map((one) => one.replace('"b"', '"x"')), /was changed/, 2],
    [
      "a changed verb",
      (l) => l.map((one) => one.replace('"verb":"b"', '"verb":"x"')),
      /was changed/,
      3,
    ],
    [
      "lines in another order",
      (l) => [l[0] ?? "", l[2] ?? "", l[1] ?? "", ...l.slice(3)],
      /line 2 must/,
      2,
    ],
    [
      "a line twice",
      (l) => [...l.slice(0, 3), l[2] ?? "", ...l.slice(3)],
      /line 4 must stand here, but 3/,
      4,
    ],
    ["a line of somebody", (l) => l.toSpliced(2, 0, '{"kind":"Event"}'), /no line of the log/, 3],
    ["a cut line", (l) => l.with(2, l[2]?.slice(0, 40) ?? ""), /no line of the log/, 3],
    ["a removed beginning", (l) => l.slice(1), /does not begin with a checkpoint/, 1],
  ])("%s", async (_what, change, wanted, line) => {
    await edit(change);
    const { broken } = await verify();
    expect(broken?.what).toMatch(wanted);
    expect(broken?.place).toEqual({ file: path, line });
  });

  test.each([
    ["all of the tail", 2],
    ["the last event", 4],
  ])("a removed tail: %s", async (_what, keep) => {
    await edit((lines) => [...lines.slice(0, keep), ""]);
    expect((await verify()).broken?.what).toMatch(/are missing at the end/);
    expect((await verify(false)).broken).toBeUndefined(); // nobody can tell without the head
  });

  test("a tail that was removed before the server started again", async () => {
    await edit((lines) => [...lines.slice(0, 2), ""]);
    await run(["e"]);
    expect((await verify(false)).broken?.what).toBe(
      "lines 3 to 5 were written and were gone at this start",
    );
  });

  test("a log that was removed as a whole", async () => {
    await rm(path);
    await run(["e"]);
    expect((await verify(false)).broken?.what).toMatch(/^lines 1 to 5 were written and were gone/);
    await truncate(path);
    expect((await verify()).broken?.what).toMatch(/missing at the end/);
  });

  test("a removed file at the start", async () => {
    await run(["e", "f", "g"], { maxFileBytes: 10, maxFiles: 9 });
    const [oldest = ""] = await filesOf(path);
    await rm(oldest);
    expect((await verify()).broken?.what).toMatch(/^lines 1 to \d+ are missing at the start/);
    await run(["h"], { maxFileBytes: 10, maxFiles: 9 });
    expect((await verify()).broken?.what).toMatch(/are missing at the start/);
  });

  test("a chain that somebody made anew without the key", async () => {
    const other = generateKeyPairSync("ed25519");
    await rm(path);
    await rm(headPath);
    await run(["x"], { signer: signerOf(other.privateKey), publicKey: other.publicKey });
    expect((await verify(false)).broken?.what).toMatch(/signature is not by a key/);
  });
});
