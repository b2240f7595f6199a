import type { Duplex } from "node:stream";
import type { IdleTimer } from "./idle-timer.ts";
import { type PortDialer, portOf } from "./port-dialer.ts";
import { SpdySession } from "./spdy/session.ts";
import type { SpdyStream } from "./spdy/stream.ts";
import { splice } from "./splice.ts";

/** Two for each connection of the client's machine. */
const maxStreams = 1_024;
const pairingMs = 30_000;

/** The streams of one connection: the client opens the one for errors first. */
type Pair = {
  error?: SpdyStream;
  data?: SpdyStream;
  /** Gives up on a pair that stays incomplete. */
  readonly late: NodeJS.Timeout;
};

/**
 * Serves a port-forward over SPDY, raw or inside a WebSocket, until its connection is gone or
 * `ending` aborts. Every request of the client is a pair of streams with one `requestid`. Never rejects.
 */
export async function spdyForward(
  transport: Duplex,
  dialer: PortDialer,
  { idle, ending }: { readonly idle: IdleTimer; readonly ending: AbortSignal },
): Promise<void> {
  const gone = new AbortController();
  const pairs = new Map<string, Pair>();
  const forget = (id: string): void => {
    clearTimeout(pairs.get(id)?.late);
    pairs.delete(id);
  };
  const onStream = (stream: SpdyStream): void => {
    const id = stream.headers.get("requestid") ?? "";
    const role = stream.headers.get("streamtype");
    const port = portOf(stream.headers.get("port"));
    if (port === undefined || (role !== "error" && role !== "data")) return void stream.destroy();
    const giveUp = (): void => {
      pairs.get(id)?.error?.destroy();
      pairs.get(id)?.data?.destroy();
      forget(id);
    };
    const pair: Pair = pairs.get(id) ?? { late: setTimeout(giveUp, pairingMs) };
    pairs.set(id, pair);
    if (pair[role] !== undefined) return void stream.destroy();
    pair[role] = stream;
    const { error, data } = pair;
    if (error === undefined || data === undefined) return;
    forget(id);
    void connect({ port, error, data }, dialer, { idle, signal: gone.signal }); // never rejects
  };
  const session = new SpdySession(transport, { onStream, maxStreams });
  const end = AbortSignal.any([ending, idle.signal]);
  const close = (): void => void session.close();
  end.addEventListener("abort", close, { once: true });
  if (end.aborted) close();
  await session.closed;
  end.removeEventListener("abort", close);
  gone.abort();
  for (const id of pairs.keys()) forget(id);
  idle.stop();
}

type Request = {
  readonly port: number;
  readonly error: SpdyStream;
  readonly data: SpdyStream;
};

async function connect(
  { port, error, data }: Request,
  dialer: PortDialer,
  { idle, signal }: { readonly idle: IdleTimer; readonly signal: AbortSignal },
): Promise<void> {
  error.resume(); // the client closes its half at once
  try {
    const target = await dialer.dial(port, signal);
    // kubectl keeps its local connection open until nothing can be said of errors any more.
    target.once("end", () => error.end());
    const broken = await splice(data, target, idle);
    if (!error.writableEnded) error.end(broken && dialer.explain(port, broken));
  } catch (err) {
    error.end(dialer.explain(port, err));
    data.resume();
    data.end();
  }
}
