import type { KeyObject } from "node:crypto";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { eventIn } from "../../audit/event.ts";
import { type AuditFilter, filterNames, filterOf } from "../../audit/filter.ts";
import { filesOf, followLog, readLog } from "../../audit/log-reader.ts";
import { badRequest } from "../../machinery/errors.ts";
import type { App } from "../http.ts";
import { isTrue } from "../objects/request-info.ts";
import { auditHeadPath, auditPath } from "./audit-path.ts";
import type { AuditLog } from "./audit-log.ts";

/** The log of this server. */
export type ServedAudit = {
  readonly path: string;
  readonly log: Pick<AuditLog, "head">;
  readonly publicKey: KeyObject;
};

/** So much is sent in one piece, in characters. */
const pieceLength = 32 << 10;

/**
 * Serves `GET /audit`: the events of this server that fit, oldest first, as JSON lines, and with
 * `follow` those to come; and `GET /audit/head`: what the server vouches for, by which a log that
 * lost its end is found out.
 */
export function serveAudit(app: App, { path, log, publicKey }: ServedAudit): void {
  app.get(auditPath, (request, reply) => {
    const query = request.query as AuditQuery;
    const fits = readFilter(query);
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, request.ending()]);
    const lines = linesOf(path, query, signal);
    const stream = Readable.from(pieces(lines, fits, isTrue(query.follow)), { objectMode: false });
    return reply.header("cache-control", "no-store").type("application/x-ndjson").send(stream);
  });
  app.get(auditHeadPath, () => ({
    head: log.head,
    publicKey: publicKey.export({ type: "spki", format: "pem" }),
  }));
}

type AuditQuery = AuditFilter & { readonly follow?: string };

function readFilter(query: AuditQuery): ReturnType<typeof filterOf> {
  const known: readonly string[] = [...filterNames, "follow"];
  const unknown = Object.keys(query).find((name) => !known.includes(name));
  if (unknown !== undefined) throw badRequest(`Cannot look for events by "${unknown}"`);
  const twice = Object.values(query).some((value: unknown) => typeof value !== "string");
  if (twice) throw badRequest("Cannot look for events: a parameter is given twice");
  try {
    return filterOf(query);
  } catch (err) {
    throw badRequest(`Cannot look for events: ${err instanceof Error ? err.message : String(err)}`);
  }
}

async function* linesOf(
  path: string,
  { since, follow }: AuditQuery,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const files = await filesOf(path);
  const earliest = since === undefined ? 0 : Date.parse(since);
  for (const file of isTrue(follow) ? files.filter((one) => one !== path) : files) {
    if (signal.aborted) return;
    if ((await stat(file)).mtimeMs < earliest) continue;
    for await (const { text } of readLog([file])) {
      if (signal.aborted) return;
      yield text;
    }
  }
  if (isTrue(follow)) yield* followLog(path, signal);
}

async function* pieces(
  lines: AsyncIterable<string>,
  fits: ReturnType<typeof filterOf>,
  atOnce: boolean,
): AsyncGenerator<string> {
  let piece = "";
  for await (const line of lines) {
    const event = eventIn(line);
    if (event === undefined || !fits(event)) continue;
    piece += `${line}\n`;
    if (!atOnce && piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}
