import { generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { seal, type Link } from "../../api/audit/chain.ts";
import { checkpointEvent, signed, signerOf } from "../../api/audit/checkpoint.ts";
import type { Flags, Run } from "../command.ts";
import { runAudit } from "./audit.ts";
import { runAuditVerify } from "./audit-verify.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const nowMs = Date.parse("2026-11-21T22:00:00Z");

let dir: string;
let log: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "lighthouse-audit-cli-"));
  log = join(dir, "audit", "audit.log");
  await mkdir(join(dir, "audit"));
  await mkdir(join(dir, "pki"));
  const { lines, head } = logOf(["ann", "bob", "ann"]);
  await writeFile(log, lines.slice(2).join(""));
  await writeFile(`${log}.1.gz`, gzipSync(lines.slice(0, 2).join("")));
  await writeFile(join(dir, "pki", "audit.head"), JSON.stringify(head));
  const pem = publicKey.export({ type: "spki", format: "pem" });
  await writeFile(join(dir, "pki", "audit.pub"), pem);
});
afterEach(() => rm(dir, { recursive: true }));

/** A checkpoint, and an event of each user, a minute apart. */
function logOf(users: readonly string[]) {
  let link: Link = { seq: 0, hash: "" };
  const lines: string[] = [];
  const add = (event: string): void => {
    const next = seal(event, link);
    lines.push(`${next.line}\n`);
    link = next.link;
  };
  const about = { log: "l", why: "start", at: "", files: [1] } as const;
  add(checkpointEvent(signed({ ...about, ...link }, signerOf(privateKey)), "id", nowMs));
  users.forEach((username, index) => {
    const at = new Date(nowMs - (users.length - index) * 60_000).toISOString();
    const stage = "ResponseComplete";
    const event = { stage, verb: "get", user: { username }, requestReceivedTimestamp: at };
    add(JSON.stringify({ ...event, annotations: {} }));
  });
  return { lines, head: signed({ ...about, ...link }, signerOf(privateKey)) };
}

async function call(run: Run, flags: Flags, args: readonly string[] = []) {
  let out = "";
  const code = await run({
    args,
    flags,
    signal: new AbortController().signal,
    connect: async () => Promise.reject(new Error("there is no server")),
    io: {
      out: (text) => void (out += text),
      err: () => {},
      isTerminal: false,
      color: false,
      env: {},
      readStdin: async () => "",
      clock: { nowMs: () => nowMs },
    },
  });
  return { code, out };
}

const usersIn = (out: string): readonly string[] =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { readonly user: { readonly username: string } }).user)
    .map(({ username }) => username)
    .filter((name) => !name.startsWith("system:"));

test("audit reads all files of a server in order, packed ones too, and looks through them", async () => {
  const json = { "data-dir": dir, output: "json" };
  expect(usersIn((await call(runAudit, json)).out)).toEqual(["ann", "bob", "ann"]);
  expect(usersIn((await call(runAudit, { ...json, user: "ann" })).out)).toEqual(["ann", "ann"]);
  expect(usersIn((await call(runAudit, { ...json, since: "90s" })).out)).toEqual(["ann"]);
  expect(usersIn((await call(runAudit, { ...json, until: "2m" })).out)).toEqual(["ann"]);
  const { out } = await call(runAudit, { "data-dir": dir, user: "bob" });
  expect(out).toMatch(/^TIME +USER .*\n2026-11-21T21:58:00\S+ +bob +get\n$/);
});

test.each<[Flags, RegExp]>([
  [{ since: "soon" }, /^--since must be such as 15m/],
  [{ code: "no" }, /^--code must be such as 403/],
])("audit refuses %j", async (flags, message) => {
  await expect(call(runAudit, { ...flags, "data-dir": dir })).rejects.toThrow(message);
});

test("audit verify says that a log is whole, and how far it is signed", async () => {
  expect(await call(runAuditVerify, { "data-dir": dir })).toEqual({
    code: 0,
    out: "whole: 4 lines, 1 to 4, signed up to 0\n",
  });
});

test("audit verify names the first line that is not as it was", async () => {
  await writeFile(log, (await readFile(log, "utf8")).replace("bob", "eve"));
  expect(await call(runAuditVerify, { "data-dir": dir })).toEqual({
    code: 1,
    out: `broken: ${log}:1: the line or the one before was changed\n`,
  });
  const { code, out } = await call(runAuditVerify, { "data-dir": dir, output: "json" });
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ lines: 2, broken: { place: { file: log, line: 1 } } });
});

test("audit verify checks a copy by its key, and says what it cannot know", async () => {
  const key = [join(dir, "pki", "audit.pub")];
  const { code, out } = await call(runAuditVerify, { key }, [`${log}.1.gz`, log]);
  expect(code).toBe(0);
  expect(out).toContain("whether lines are missing at the end is not known without a head");
});

test.each(["", "null", "{}", undefined])(
  "audit verify of a server's own log does not do without its head: %j",
  async (text) => {
    const head = join(dir, "pki", "audit.head");
    if (text === undefined) await rm(head);
    else await writeFile(head, text);
    await expect(call(runAuditVerify, { "data-dir": dir })).rejects.toThrow(
      "nobody knows whether the end is missing",
    );
  },
);

test("audit and its verify say what to name where there is no log of a server", async () => {
  const none = { "data-dir": join(dir, "none") };
  const message = /^Cannot find \S+none\/\S+: no server keeps its log there; name .* --data-dir/;
  await expect(call(runAudit, none)).rejects.toThrow(message);
  await expect(call(runAuditVerify, none)).rejects.toThrow(message);
  const key = [join(dir, "pki", "audit.pub")];
  await expect(call(runAuditVerify, { ...none, key })).rejects.toThrow(message);
});
