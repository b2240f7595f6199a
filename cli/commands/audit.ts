import { stringify } from "yaml";
import { type AuditEvent, eventIn } from "../../api/audit/event.ts";
import { type AuditFilter, filterNames, filterOf } from "../../api/audit/filter.ts";
import { followLog, readLog } from "../../api/audit/log-reader.ts";
import { AuditTable, harmless } from "../audit-text.ts";
import { type Call, Misuse, type Run, text } from "../command.ts";
import { auditFilesIn, auditLogIn } from "../audit-files.ts";
import { readLines } from "../read.ts";

/** The first stage says nothing that the others do not, unless the request is still on. */
const usualStages = "ResponseStarted,ResponseComplete,Panic";

const unitMs: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** `12h` ago, or a time as it is; RFC 3339. @throws Misuse */
function timeOf({ flags, io }: Call, name: "since" | "until"): string | undefined {
  const given = text(flags, name);
  if (given === undefined) return undefined;
  const [, number = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(given) ?? [];
  const ago = Number(number) * (unitMs[unit] ?? Number.NaN);
  const atMs = Number.isNaN(ago) ? Date.parse(given) : io.clock.nowMs() - ago;
  if (!Number.isNaN(atMs)) return new Date(atMs).toISOString();
  throw new Misuse(`--${name} must be such as 15m, 12h, 7d or 2026-11-21T10:00:00Z, is "${given}"`);
}

function filterIn(call: Call): AuditFilter {
  const { flags } = call;
  const stage = text(flags, "stage") ?? usualStages;
  const given: Partial<Record<keyof AuditFilter, string>> = {};
  for (const name of filterNames) {
    const value = name === "since" || name === "until" ? timeOf(call, name) : text(flags, name);
    if (value !== undefined) given[name] = value;
  }
  return stage === "all" ? withoutStage(given) : { ...given, stage };
}

function withoutStage({ stage: _all, ...rest }: AuditFilter): AuditFilter {
  return rest;
}

async function* fromServer(call: Call, filter: AuditFilter): AsyncGenerator<string> {
  const { client } = await call.connect();
  const query = new URLSearchParams(filter);
  if (call.flags["follow"] === true) query.set("follow", "true");
  const path = `/audit?${query.toString()}`;
  const { body } = await client.raw({ method: "GET", path, accept: "*/*" }, call.signal);
  yield* readLines(body);
}

async function* fromFiles(call: Call): AsyncGenerator<string> {
  const { args, flags, signal } = call;
  const dir = text(flags, "data-dir");
  if (dir !== undefined && args.length > 0) throw new Misuse("Name FILEs or --data-dir, not both");
  const [only = "", ...more] = args;
  const current = dir === undefined ? only : auditLogIn(dir);
  const files = dir === undefined ? args : await auditFilesIn(dir);
  const follows = flags["follow"] === true;
  if (follows && more.length > 0) throw new Misuse("--follow takes one FILE");
  const whole = follows ? files.filter((file) => file !== current) : files;
  for await (const line of readLog(whole, signal)) yield line.text;
  if (follows) yield* followLog(current, signal);
}

type Printer = (event: AuditEvent, line: string) => void;

function printerOf({ flags, io }: Call): Printer {
  const output = flags["output"];
  if (output === "json") return (_event, line) => io.out(`${line}\n`);
  if (output === "yaml") return (event) => io.out(`---\n${yamlOf(event)}`);
  const table = new AuditTable(io, output === "wide");
  return (event) => table.add(event);
}

/** Quoted by the emitter where it must be, but for what only terminals mind. */
function yamlOf(event: AuditEvent): string {
  return stringify(event).split("\n").map(harmless).join("\n");
}

/** `lighthouse audit`: who did what. Nothing is kept of what was printed, however long the log is. */
export const runAudit: Run = async (call) => {
  const { args, flags } = call;
  const filter = filterIn(call);
  let fits: ReturnType<typeof filterOf>;
  try {
    fits = filterOf(filter);
  } catch (err) {
    throw new Misuse(`--${err instanceof Error ? err.message : String(err)}`);
  }
  const local = args.length > 0 || flags["data-dir"] !== undefined;
  const print = printerOf(call);
  try {
    for await (const line of local ? fromFiles(call) : fromServer(call, filter)) {
      const event = eventIn(line);
      if (event !== undefined && fits(event)) print(event, line);
    }
  } catch (err) {
    if (!call.signal.aborted) throw err; // interrupted: that is how following ends
  }
  return 0;
};
