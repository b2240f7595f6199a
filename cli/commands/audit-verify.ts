import { createPublicKey, type KeyObject } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SignedCheckpoint } from "../../api/audit/checkpoint.ts";
import { readLog } from "../../api/audit/log-reader.ts";
import {
  type Finding,
  type Verdict,
  Verifier,
  type VerifyOptions,
} from "../../api/audit/verify.ts";
import { auditFilesIn, dataDirIn, noLogText } from "../audit-files.ts";
import { harmless } from "../audit-text.ts";
import { type Call, Misuse, type Run, text, texts } from "../command.ts";
import { paint } from "../output.ts";
import { readJson } from "../read.ts";

type Online = { readonly head?: SignedCheckpoint; readonly publicKey: string };

function keyOf(pem: string, from: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new Error(`Cannot read a public key from ${from}: it is no PEM`, { cause });
  }
}

/** A server always has one: without it a log that was cut would pass for whole. */
async function headIn(path: string): Promise<SignedCheckpoint> {
  const wayOut = "without it nobody knows whether the end is missing; ask the server with --online";
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`Cannot read ${path}, the head of the audit log: ${wayOut}`, { cause });
  }
  const head = headOf(text);
  if (head !== undefined) return head;
  throw new Error(`Cannot read ${path}: it holds no head of an audit log: ${wayOut}`);
}

function headOf(text: string): SignedCheckpoint | undefined {
  try {
    const head = JSON.parse(text) as Partial<SignedCheckpoint> | null;
    const { checkpoint, signature, key } = head ?? {};
    const isWhole = [checkpoint, signature, key].every((one) => typeof one === "string");
    return isWhole ? (head as SignedCheckpoint) : undefined;
  } catch {
    return undefined;
  }
}

async function ownKeyIn(dataDir: string): Promise<string> {
  const path = join(dataDir, "pki", "audit.pub");
  try {
    await access(path);
    return path;
  } catch (cause) {
    throw new Error(noLogText(path), { cause });
  }
}

async function optionsOf(call: Call, dataDir: string, isOwn: boolean): Promise<VerifyOptions> {
  const { flags, signal } = call;
  const given = texts(flags, "key");
  if (flags["online"] === true) {
    const { client } = await call.connect();
    const { head, publicKey } = await readJson<Online>(client, "/audit/head", undefined, signal);
    const keys = [keyOf(publicKey, "the server")];
    return { keys, ...(head === undefined ? {} : { head }) };
  }
  const files = given.length > 0 ? given : [await ownKeyIn(dataDir)];
  const keys = await Promise.all(
    files.map(async (file) => keyOf(await readFile(file, "utf8"), file)),
  );
  const head = text(flags, "head");
  if (head === undefined && !isOwn) return { keys };
  return { keys, head: await headIn(head ?? join(dataDir, "pki", "audit.head")) };
}

function findingText({ place, what }: Finding): string {
  return place === undefined ? what : `${harmless(place.file)}:${place.line}: ${what}`;
}

function verdictText({ io }: Call, verdict: Verdict, hasHead: boolean): string {
  const { broken, notes, lines, first, last, signed } = verdict;
  const said = notes.map((note) => `${paint(io, "yellow", "note:")} ${findingText(note)}\n`);
  if (broken !== undefined) {
    return `${said.join("")}${paint(io, "red", "broken:")} ${findingText(broken)}\n`;
  }
  const end = hasHead ? "" : "; whether lines are missing at the end is not known without a head";
  const fine = `${lines} lines, ${first} to ${last}, signed up to ${signed}${end}`;
  return `${said.join("")}${paint(io, "green", "whole:")} ${fine}\n`;
}

/** `lighthouse audit verify`: 1 when something was removed, changed or moved. */
export const runAuditVerify: Run = async (call) => {
  const { args, flags, io, signal } = call;
  const dataDir = dataDirIn(text(flags, "data-dir"), io.env);
  if (args.length > 0 && flags["data-dir"] !== undefined) {
    throw new Misuse("Name FILEs or --data-dir, not both");
  }
  const files = args.length > 0 ? args : await auditFilesIn(dataDir);
  const options = await optionsOf(call, dataDir, args.length === 0);
  const verifier = new Verifier(options);
  for await (const { text: line, ...place } of readLog(files, signal)) {
    if (!verifier.take(line, place)) break;
  }
  const verdict = verifier.verdict();
  const json = flags["output"] === "json";
  const hasHead = options.head !== undefined;
  io.out(json ? `${JSON.stringify(verdict, null, 2)}\n` : verdictText(call, verdict, hasHead));
  return verdict.broken === undefined ? 0 : 1;
};
