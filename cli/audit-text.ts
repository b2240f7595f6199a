import { type AuditEvent, decisionName, reasonName, subjectOf } from "../api/audit/event.ts";
import type { Io } from "./command.ts";
import { paint, type Style } from "./output.ts";

const narrow = ["TIME", "USER", "VERB", "RESOURCE", "NAMESPACE", "NAME", "CODE", "DECISION"];
const wide = [...narrow, "TOOK", "SOURCE", "STAGE", "REASON", "AGENT", "AUDIT-ID"];

/** What could steer a terminal or turn text around: names, paths and agents are chosen by strangers. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text as a terminal may be given it: one line, nothing that steers. */
export function harmless(text: string): string {
  return text.replace(unsafe, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function tookOf({ requestReceivedTimestamp = "", stageTimestamp = "" }: AuditEvent): string {
  const ms = Date.parse(stageTimestamp) - Date.parse(requestReceivedTimestamp);
  if (Number.isNaN(ms)) return "";
  return ms < 10_000 ? `${ms}ms` : `${Math.round(ms / 1_000)}s`;
}

function userOf({ user, impersonatedUser }: AuditEvent): string {
  const name = user?.username || "<nobody>";
  return impersonatedUser === undefined ? name : `${name} as ${impersonatedUser.username ?? ""}`;
}

/** Command that was run by exec: the URI holds it word by word. */
function commandOf({ objectRef, requestURI = "", annotations = {} }: AuditEvent): string {
  const { "lighthouse.dev/command": docker } = annotations;
  if (docker !== undefined) return ` ${docker}`;
  if (objectRef?.subresource !== "exec") return "";
  const words = new URLSearchParams(requestURI.split("?")[1] ?? "").getAll("command");
  return words.length === 0 ? "" : ` [${words.join(" ")}]`;
}

function verbOf({ verb = "", annotations = {} }: AuditEvent): string {
  const { "lighthouse.dev/method": method } = annotations;
  return method === undefined ? verb : `${verb} (${method})`;
}

function moreOf(event: AuditEvent): readonly string[] {
  const { sourceIPs = [], stage = "", userAgent = "", auditID = "" } = event;
  const reason = event.annotations?.[reasonName] || (event.responseStatus?.reason ?? "");
  return [tookOf(event), sourceIPs.join(","), stage, reason, userAgent, auditID];
}

function cellsOf(event: AuditEvent, isWide: boolean): readonly string[] {
  const { objectRef, responseStatus, annotations, requestReceivedTimestamp = "" } = event;
  const cells = [
    requestReceivedTimestamp.replace(/\.\d+Z$/, "Z"),
    userOf(event),
    verbOf(event),
    subjectOf(event) + commandOf(event),
    objectRef?.namespace ?? "",
    objectRef?.name ?? "",
    String(responseStatus?.code ?? ""),
    annotations?.[decisionName] ?? "",
  ];
  return isWide ? [...cells, ...moreOf(event)] : cells;
}

function styleOf({ responseStatus: { code = 0 } = {} }: AuditEvent): Style | undefined {
  if (code >= 500) return "red";
  return code >= 400 ? "yellow" : undefined;
}

/** Longer cells shift the rest of their line, not the lines to come. Characters. */
const maxWidth = 40;

/** Of times, users, verbs and what they were about, so that titles stand above them. Characters. */
const usualWidths = [20, 12, 6, 20, 12, 12];

/**
 * Prints events as a table while they come: columns grow when a cell needs it, and nothing is kept.
 */
export class AuditTable {
  readonly #io: Io;
  readonly #wide: boolean;
  readonly #widths: number[] = [...usualWidths];
  #titled = false;

  constructor(io: Io, isWide: boolean) {
    this.#io = io;
    this.#wide = isWide;
  }

  add(event: AuditEvent): void {
    if (!this.#titled) this.#print(this.#wide ? wide : narrow, undefined);
    this.#titled = true;
    this.#print(cellsOf(event, this.#wide).map(harmless), styleOf(event));
  }

  #print(cells: readonly string[], style: Style | undefined): void {
    const padded = cells.map((cell, index) => {
      const width = Math.max(this.#widths[index] ?? 0, Math.min(cell.length, maxWidth));
      this.#widths[index] = width;
      return index === cells.length - 1 ? cell : cell.padEnd(width);
    });
    const line = padded.join("   ").trimEnd();
    this.#io.out(`${style === undefined ? line : paint(this.#io, style, line)}\n`);
  }
}
