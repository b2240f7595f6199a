import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Duplex } from "node:stream";
import type { Clock } from "../machinery/clock.ts";
import { httpCode, notFound, StatusError } from "../machinery/errors.ts";
import { toStatus } from "../machinery/status.ts";
import { type CallHead, decodeCall, encodeAnswer, headers, tellable } from "./envelope.ts";
import { defaultKeepAlive, type KeepAlive, keepAlive } from "./keep-alive.ts";
import type { NodeAnswer } from "./node-link.ts";
import { paths, resetCode, sessionOptions, sessionWindowBytes } from "./protocol.ts";
import type { ServedNodes } from "./served-nodes.ts";
import { joinStreams } from "./join-streams.ts";
import { TunnelStream } from "./tunnel-stream.ts";
import { cutSession, wireOf } from "./wire.ts";

/** What the agent's end of a tunnel is made of. */
export type AgentEndOptions = {
  readonly nodes: ServedNodes;
  readonly clock: Clock;
  readonly keepAlive?: KeepAlive;
  /** Told of bugs: errors that are no StatusError, with the path of their call. */
  readonly onError: (err: unknown, path: string) => void;
};

/** One open tunnel, seen from the agent. */
export interface AgentEnd {
  /** Resolves, with the reason, once no new call can come: the server goes away or is gone. */
  readonly lost: Promise<string>;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  /** Takes no new call, gives those that are open so long, in milliseconds, and closes. */
  close(graceMs: number): Promise<void>;
}

const missing = { group: "", plural: "nodes" };
/** One for all: an error of its own for each call that ends costs more than most calls. */
const callerIsGone = new Error("the caller is gone");

class Answering {
  readonly #options: AgentEndOptions;

  constructor(options: AgentEndOptions) {
    this.#options = options;
  }

  /** Answers one stream. Never rejects. */
  async serve(raw: ServerHttp2Stream, sent: IncomingHttpHeaders): Promise<void> {
    const isControl = sent[":path"] === paths.control;
    const stream = new TunnelStream(raw, { unsealed: isControl });
    stream.on("error", () => {}); // the server hung up: the signal says so
    const gone = new AbortController();
    raw.once("close", () => gone.abort(callerIsGone));
    let path = String(sent[":path"]);
    try {
      if (isControl) return this.#announce(raw, stream);
      const head = decodeCall(sent[headers.call]);
      path = head.path;
      const answer = await this.#call(head, { raw, stream }, gone.signal);
      if (answer.upgraded === undefined) sendAnswer(raw, stream, answer, this.#options.onError);
      else sendUpgraded(raw, stream, { ...answer, upgraded: answer.upgraded });
    } catch (err) {
      if (!(err instanceof StatusError) && !gone.signal.aborted) this.#options.onError(err, path);
      refuse(raw, stream, tellable(err, path));
    }
  }

  async #call(
    head: CallHead,
    { raw, stream }: { readonly raw: ServerHttp2Stream; readonly stream: TunnelStream },
    signal: AbortSignal,
  ): Promise<NodeAnswer> {
    const { node, ...call } = head;
    const handler = this.#options.nodes.handler(node);
    if (handler === undefined) throw notFound(missing, node);
    // What has no body must not seem to have one: engines are asked otherwise then.
    const isBare = raw.endAfterHeaders;
    if (isBare) stream.resume();
    const body = call.upgrade === undefined && !isBare ? { body: stream } : {};
    const answer = await handler({ ...call, ...body }, signal);
    if (signal.aborted) {
      answer.upgraded?.destroy();
      answer.body.destroy();
    }
    return answer;
  }

  /** Says which Nodes there are, now and at every change: one JSON text per line. */
  #announce(raw: ServerHttp2Stream, stream: TunnelStream): void {
    const { nodes } = this.#options;
    const tell = (): void => {
      if (!stream.writableEnded && !stream.destroyed)
        stream.write(`${JSON.stringify({ nodes: nodes.names() })}\n`);
    };
    raw.respond({ ":status": 200 });
    stream.resume();
    const stop = nodes.onChange(tell);
    stream.once("close", stop);
    tell();
  }
}

const sealed = { waitForTrailers: true } as const;

function refuse(raw: ServerHttp2Stream, stream: TunnelStream, err: StatusError): void {
  if (raw.destroyed || raw.closed) return;
  if (raw.headersSent) return void stream.destroy();
  raw.respond({ ":status": httpCode[err.reason], [headers.refused]: "1" }, sealed);
  stream.end(JSON.stringify(toStatus(err)));
}

function sendAnswer(
  raw: ServerHttp2Stream,
  stream: TunnelStream,
  answer: NodeAnswer,
  onError: AgentEndOptions["onError"],
): void {
  const { body } = answer;
  if (raw.destroyed || raw.closed) return void body.destroy();
  raw.respond({ ":status": 200, [headers.answer]: [...encodeAnswer(answer)] }, sealed);
  const fail = (err: Error): void => {
    if (!(err instanceof StatusError)) onError(err, "the answer");
    stream.endWith(tellable(err, "the answer"));
  };
  body.on("error", fail);
  if (body.errored !== null) return fail(body.errored); // it told before anybody could listen
  body.once("close", () => {
    if (!body.readableEnded && !stream.writableEnded) stream.destroy(); // whoever made it gave up
  });
  stream.once("close", () => body.destroy());
  body.pipe(stream);
}

function sendUpgraded(
  raw: ServerHttp2Stream,
  stream: TunnelStream,
  { upgraded, body, ...answer }: NodeAnswer & { readonly upgraded: Duplex },
): void {
  body.destroy();
  if (raw.destroyed || raw.closed) return void upgraded.destroy();
  raw.respond({ ":status": 200, [headers.answer]: [...encodeAnswer(answer)] }, sealed);
  joinStreams(stream, upgraded);
}

function closeSoon(session: ServerHttp2Session, socket: Duplex, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (session.destroyed) return resolve();
    const late = setTimeout(() => cutSession(session, socket), graceMs);
    session.once("close", () => {
      clearTimeout(late);
      resolve();
    });
    session.close();
  });
}

/** Speaks HTTP/2 as the server on a connection that the agent dialled and that was upgraded. */
export function serveTunnel(connection: Duplex, options: AgentEndOptions): AgentEnd {
  const socket = wireOf(connection);
  const session = performServerHandshake(socket, sessionOptions);
  session.setLocalWindowSize(sessionWindowBytes);
  const answering = new Answering(options);
  const { promise: lost, resolve: lose } = Promise.withResolvers<string>();
  let control: ServerHttp2Stream | undefined;
  session.on("stream", (raw: ServerHttp2Stream, sent: IncomingHttpHeaders) => {
    raw.on("error", () => {}); // a stream that broke closes too
    if (sent[":path"] === paths.control) control = raw;
    void answering.serve(raw, sent); // never rejects
  });
  let why = "the connection was closed";
  session.on("error", (err) => {
    why = err.message;
  });
  session.once("goaway", () => {
    control?.close(resetCode.none); // else it would keep the session for ever
    lose("the server goes away");
  });
  const closed = new Promise<void>((resolve) => {
    session.once("close", () => {
      socket.destroy();
      lose(why);
      resolve();
    });
  });
  socket.once("close", () => session.destroy());
  const given = options.keepAlive ?? defaultKeepAlive;
  void keepAlive(session, { ...given, clock: options.clock }, (reason) => {
    why = reason;
    cutSession(session, socket);
  }); // never rejects
  return {
    lost,
    closed,
    async close(graceMs) {
      control?.close(resetCode.none);
      await closeSoon(session, socket, graceMs);
    },
  };
}
