import { badRequest, isNotFound } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";
import { parseTime } from "../../machinery/time.ts";
import { writeBytes } from "../../tunnel/write-bytes.ts";
import type { Reply, Request } from "../http.ts";
import { lostRight } from "../live-requests.ts";
import type { Call, Query } from "../objects/call.ts";
import { isTrue } from "../objects/request-info.ts";
import type { Handler } from "../objects/routes.ts";
import { readItem } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";
import { sendChunks } from "../streams/log-socket.ts";
import { upgradeOf } from "../streams/upgrade.ts";
import { callerOf } from "../tunnel/caller.ts";
import { chooseContainer, nodeOf } from "./container-choice.ts";
import type { LogOptions, NodeStreams } from "./pod-streams.ts";

/** GET pods/NAME/log: text from the agent of the Pod's Node, as it comes. */
export function podLogs(nodes: NodeStreams): Handler {
  return async (call, io) => {
    const { request, reply } = io;
    const pod = existing(call, await readItem(call.storage, keyOfCall(call))).object as Pod;
    const options = readLogOptions(call, pod);
    const nodeName = nodeOf(pod);
    const gone = new AbortController();
    const upgrade = upgradeOf(request);
    (upgrade?.socket ?? reply.raw).on("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, request.ending()]);
    const streams = nodes.of(nodeName, callerOf(request, reply));
    const chunks = streams.logs(pod, options, signal)[Symbol.asyncIterator]();
    // What the agent refuses is an error of the request only until the answer has begun.
    const first = await firstChunk(call, chunks, options.container);
    if (upgrade?.kind === "websocket") await sendChunks(io, upgrade, all(first, chunks));
    else await sendText(io, all(first, chunks));
    return undefined;
  };
}

type Chunks = AsyncIterator<Uint8Array>;

/** A stream that stays quiet must not keep the headers back: the answer begins without a chunk. */
const patienceMs = 100;
const quiet = Symbol("quiet");

type First = {
  readonly result?: IteratorResult<Uint8Array>;
  readonly pending?: Promise<IteratorResult<Uint8Array>>;
};

async function firstChunk({ name }: Call, chunks: Chunks, container: string): Promise<First> {
  const pending = chunks.next();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof quiet>((resolve) => {
    timer = setTimeout(() => resolve(quiet), patienceMs);
  });
  try {
    const result = await Promise.race([pending, late]);
    return result === quiet ? { pending } : { result };
  } catch (err) {
    if (!isNotFound(err)) throw err;
    throw badRequest(`container "${container}" in pod "${name}" is waiting to start`, {
      cause: err,
    });
  } finally {
    clearTimeout(timer);
  }
}

async function* all(first: First, chunks: Chunks): AsyncGenerator<Uint8Array> {
  try {
    let next = first.result ?? (await first.pending) ?? (await chunks.next());
    while (next.done !== true) {
      yield next.value;
      next = await chunks.next();
    }
  } finally {
    await chunks.return?.();
  }
}

type Io = { readonly request: Request; readonly reply: Reply };

async function sendText({ request, reply }: Io, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.on("error", () => {}); // the connection broke: "close" follows and aborts the stream
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/plain",
    "cache-control": "no-cache, private",
  });
  raw.flushHeaders();
  try {
    for await (const chunk of chunks) {
      if (raw.destroyed) break;
      await writeBytes(raw, chunk);
    }
    const lost = lostRight(request.ending());
    if (lost !== undefined) throw lost;
    if (!raw.writableEnded) raw.end();
  } catch (err) {
    // Too late for a status: a broken stream must not look like the end of the log.
    raw.destroy(err instanceof Error ? err : undefined);
  }
}

function readLogOptions(call: Call, pod: Pod): LogOptions {
  const { query } = call;
  const sinceTime = query.get("sinceTime") ?? "";
  const sinceSeconds = count(query, "sinceSeconds", 1);
  if (sinceTime !== "" && parseTime(sinceTime) === undefined) {
    throw badRequest(`Invalid value for sinceTime: ${JSON.stringify(sinceTime)}: must be RFC 3339`);
  }
  if (sinceTime !== "" && sinceSeconds !== undefined) {
    throw badRequest("at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  const tailLines = count(query, "tailLines", 0);
  const limitBytes = count(query, "limitBytes", 1);
  return {
    container: chooseContainer(pod, query.get("container")),
    follow: isTrue(query.get("follow")),
    previous: isTrue(query.get("previous")),
    timestamps: isTrue(query.get("timestamps")),
    ...(sinceTime === "" ? {} : { sinceTime }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

function count(query: Query, name: string, minimum: number): number | undefined {
  const text = query.get(name) ?? "";
  if (text === "") return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= minimum) return value;
  throw badRequest(
    `Invalid value for ${name}: "${text}": must be an integer of ${minimum} or more`,
  );
}
