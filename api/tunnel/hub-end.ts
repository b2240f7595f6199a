import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  sensitiveHeaders,
} from "node:http2";
import { type Duplex, Readable } from "node:stream";
import type { Clock } from "../machinery/clock.ts";
import { internal, type StatusError, unavailable } from "../machinery/errors.ts";
import { fromStatus } from "../machinery/status.ts";
import { decodeAnswer, encodeCall, headers } from "./envelope.ts";
import { defaultKeepAlive, type KeepAlive, keepAlive } from "./keep-alive.ts";
import type { NodeAnswer, NodeCall, NodeHandler } from "./node-link.ts";
import { paths, sessionOptions, sessionWindowBytes } from "./protocol.ts";
import { TunnelStream } from "./tunnel-stream.ts";
import { cutSession, wireOf } from "./wire.ts";

/** What the server's end of a tunnel is made of. */
export type HubEndOptions = {
  /** What it is, for messages, e.g. `the tunnel of beacon "paris"`. */
  readonly what: string;
  readonly clock: Clock;
  readonly keepAlive?: KeepAlive;
};

/** One open tunnel, seen from the API server. */
export interface HubEnd {
  /** Nodes that the agent says it serves. Whether it may is for the caller to check. */
  readonly nodes: ReadonlySet<string>;
  /** Resolves, with the reason, once no new call can be made. */
  readonly lost: Promise<string>;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  /** Calls in progress. */
  readonly openCalls: number;
  /** Who answers for a Node of this agent: throws `ServiceUnavailable` once the tunnel is lost. */
  handler(node: string): NodeHandler;
  /** Makes no new call, gives those that are open so long, in milliseconds, and closes; 0 cuts at once. */
  close(why: string, graceMs: number): Promise<void>;
}

/** A refusal is a Status; more than this is none. */
const maxRefusalBytes = 1 << 20;
/** An announcement names every host of a network; longer ones are a fault. */
const maxAnnouncementBytes = 4 << 20;

async function textOf(stream: AsyncIterable<Buffer>, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > limitBytes) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function refusalOf(stream: TunnelStream, code: number): Promise<StatusError> {
  const text = await textOf(stream, maxRefusalBytes);
  try {
    return fromStatus(code, JSON.parse(text));
  } catch {
    return internal(`The agent answered ${code} without a reason`);
  }
}

const newline = 10;

/** The sets of names in the lines of an announcement. */
async function* announcements(stream: AsyncIterable<Buffer>): AsyncGenerator<ReadonlySet<string>> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of stream) {
    rest.push(chunk);
    restBytes += chunk.length;
    if (restBytes > maxAnnouncementBytes) throw new Error("Its list of Nodes has no end");
    // Put together only once a line is whole: bytes that drip in must cost no more than others.
    if (!chunk.includes(newline)) continue;
    const all = Buffer.concat(rest);
    const end = all.lastIndexOf(newline);
    [rest, restBytes] = [[all.subarray(end + 1)], all.length - end - 1];
    for (const line of all.toString("utf8", 0, end).split("\n")) {
      const { nodes } = JSON.parse(line) as { readonly nodes?: unknown };
      if (!Array.isArray(nodes)) throw new Error("Its list of Nodes is none");
      yield new Set(nodes.filter((name): name is string => typeof name === "string"));
    }
  }
}

type Response = IncomingHttpHeaders & IncomingHttpStatusHeader;

function responseOf(raw: ClientHttp2Stream): Promise<Response> {
  return new Promise((resolve, reject) => {
    const fail = (cause?: unknown): void =>
      reject(unavailable("The tunnel broke off before the agent answered", { cause }));
    raw.once("response", (answer) => {
      raw.off("error", fail).off("close", fail);
      resolve(answer);
    });
    raw.once("error", fail).once("close", fail);
  });
}

class Hub implements HubEnd {
  nodes: ReadonlySet<string> = new Set();
  readonly lost: Promise<string>;
  readonly closed: Promise<void>;
  readonly #session: ClientHttp2Session;
  readonly #socket: Duplex;
  readonly #options: HubEndOptions;
  readonly #lose: (why: string) => void;
  #why: string | undefined;
  #openCalls = 0;

  constructor(session: ClientHttp2Session, socket: Duplex, options: HubEndOptions) {
    this.#session = session;
    this.#socket = socket;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.lost = promise;
    this.#lose = (why) => {
      this.#why ??= why;
      resolve(this.#why);
    };
    let why = "the connection was closed";
    session.on("error", (err) => {
      why = err.message;
    });
    session.once("goaway", () => this.#lose("the agent closed it"));
    this.closed = new Promise((done) => {
      session.once("close", () => {
        socket.destroy();
        this.#lose(why);
        done();
      });
    });
    socket.once("close", () => session.destroy());
    const given = options.keepAlive ?? defaultKeepAlive;
    void keepAlive(session, { ...given, clock: options.clock }, (reason) => {
      this.#lose(reason);
      cutSession(session, socket);
    }); // never rejects
  }

  get openCalls(): number {
    return this.#openCalls;
  }

  /** Resolves with the first announcement; later ones are followed until the session closes. */
  async greet(): Promise<void> {
    const raw = this.#session.request({ ":method": "POST", ":path": paths.control });
    const stream = new TunnelStream(raw, { unsealed: true });
    stream.on("error", () => {}); // told by the loop that reads it
    const lines = announcements(stream as AsyncIterable<Buffer>);
    const first = await lines.next();
    if (first.done === true) throw unavailable("The agent did not say which Nodes it serves");
    this.nodes = first.value;
    const follow = async (): Promise<void> => {
      for await (const nodes of lines) this.nodes = nodes;
    };
    const end = (why: string) => (): void => {
      this.#lose(why);
      void this.close(why, 0); // never rejects
    };
    follow().then(
      () => this.#lose("the agent closed it"),
      end("the agent does not say which Nodes it serves"),
    );
  }

  handler(node: string): NodeHandler {
    return (call, signal) => this.#call(node, call, signal);
  }

  async #call(node: string, call: NodeCall, signal: AbortSignal): Promise<NodeAnswer> {
    signal.throwIfAborted();
    if (this.#why !== undefined || this.#session.destroyed)
      throw unavailable(
        `Cannot reach node "${node}": ${this.#options.what} is closed: ${this.#why ?? "it broke"}`,
      );
    const { body, ...head } = call;
    const endStream = body === undefined && call.upgrade === undefined;
    const raw = this.#request(encodeCall({ ...head, node }), endStream);
    this.#openCalls += 1;
    const stream = new TunnelStream(raw);
    const abort = (): void => void stream.destroy(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    raw.once("close", () => {
      this.#openCalls -= 1;
      signal.removeEventListener("abort", abort);
    });
    stream.on("error", () => {}); // whoever reads it is told; a stream that nobody reads is no crash
    if (endStream) stream.end();
    if (body !== undefined) send(body, stream);
    try {
      return await this.#answer(raw, stream, call.upgrade !== undefined);
    } catch (err) {
      stream.destroy();
      signal.throwIfAborted();
      throw err;
    }
  }

  #request(head: readonly string[], endStream: boolean): ClientHttp2Stream {
    const sent = {
      ":method": "POST",
      ":path": paths.call,
      [headers.call]: [...head],
      [sensitiveHeaders]: [headers.call],
    };
    try {
      return this.#session.request(sent, { endStream, waitForTrailers: !endStream });
    } catch (cause) {
      throw unavailable(`Cannot use ${this.#options.what}: it is about to close`, { cause });
    }
  }

  async #answer(
    raw: ClientHttp2Stream,
    stream: TunnelStream,
    upgrade: boolean,
  ): Promise<NodeAnswer> {
    const sent = await responseOf(raw);
    if (sent[headers.refused] !== undefined) throw await refusalOf(stream, sent[":status"] ?? 500);
    const { status, headers: given } = decodeAnswer(sent[headers.answer]);
    if (status === 101 && upgrade)
      return { status, headers: given, body: Readable.from([]), upgraded: stream };
    if (status === 101) throw internal("The agent switched protocols unasked");
    // What is not read of the request any more need not be sent.
    stream.once("end", () => {
      if (!stream.writableFinished) stream.destroy();
    });
    if (upgrade) stream.end();
    return { status, headers: given, body: stream };
  }

  async close(why: string, graceMs: number): Promise<void> {
    this.#lose(why);
    if (this.#session.destroyed) return;
    const cut = (): void => cutSession(this.#session, this.#socket);
    if (graceMs === 0) cut();
    else this.#session.close();
    const late = setTimeout(cut, graceMs);
    await this.closed;
    clearTimeout(late);
  }
}

/** Sends a body; one that breaks off must not look like one that ended. */
function send(body: NonNullable<NodeCall["body"]>, stream: TunnelStream): void {
  body.on("error", () => stream.destroy());
  body.once("close", () => {
    if (!body.readableEnded && !stream.writableEnded) stream.destroy();
  });
  if (body.destroyed && !body.readableEnded) stream.destroy();
  body.pipe(stream);
}

/** How long an agent may take from the 101 to its first announcement, in milliseconds. */
const greetingMs = 10_000;

/**
 * Speaks HTTP/2 as the client on a connection whose 101 was written, and resolves once the agent
 * said which Nodes it serves. Must not be called before the 101 has left: Node.js aborts the process
 * when a session starts on a TLS socket that still writes.
 * @throws StatusError `ServiceUnavailable`; then the connection is closed
 */
export async function openHubEnd(connection: Duplex, options: HubEndOptions): Promise<HubEnd> {
  const socket = wireOf(connection);
  const session = connect("http://tunnel", {
    ...sessionOptions,
    createConnection: () => socket,
  });
  session.once("connect", () => session.setLocalWindowSize(sessionWindowBytes));
  const hub = new Hub(session, socket, options);
  const late = setTimeout(() => cutSession(session, socket), greetingMs);
  try {
    await hub.greet();
    return hub;
  } catch (cause) {
    cutSession(session, socket);
    throw unavailable(`Cannot open ${options.what}: no greeting`, {
      cause,
    });
  } finally {
    clearTimeout(late);
  }
}
