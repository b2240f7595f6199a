import type { IncomingMessage } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { Socket } from "node:net";
import type { App } from "./http.ts";
import { bodyLimitBytes } from "./objects/codec.ts";

/** Longest path with its query, in bytes. */
const maxUrlBytes = 16 * 1_024;

/** All headers of an HTTP/1.1 request together, in bytes; HTTP/2 is as strict by itself. */
export const maxHeaderBytes = 64 * 1_024;

/** A body must be there so long after its headers, in milliseconds. */
const bodyMs = 60_000;

/**
 * What one HTTP/2 session may do. Node.js itself bounds queued acknowledgements (floods of
 * SETTINGS and PING), empty frames, CONTINUATION frames and the memory of a session; streams that
 * are opened only to be reset (CVE-2023-44487) are bounded here, far below its default.
 */
export const sessionLimits = {
  settings: { maxConcurrentStreams: 250, maxHeaderListSize: maxHeaderBytes },
  streamResetBurst: 200,
  streamResetRate: 20,
  maxSessionInvalidFrames: 100,
  maxSettings: 16,
  maxOutstandingPings: 10,
  maxSessionMemory: 32,
} as const;

/** A Status for what no reason of Kubernetes stands for. */
function statusText(code: number, message: string): string {
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" };
  return JSON.stringify({ ...status, message, code });
}

/** Refuses long URLs and several hosts, and ends bodies that do not come. */
export function limitRequests(app: App): void {
  app.addHook("onRequest", ({ raw, url }, reply, done) => {
    const { stream } = raw as { readonly stream?: ServerHttp2Stream };
    expectBody(raw, stream);
    if (stream === undefined && hasTwoHosts(raw)) {
      const message = "The request names more than one host";
      void reply.code(400).type("application/json").send(statusText(400, message)); // thenable
      return;
    }
    if (url.length <= maxUrlBytes) return done();
    const message = `Request URI too long: limit is ${maxUrlBytes} bytes`;
    void reply.code(414).type("application/json").send(statusText(414, message)); // thenable
  });
}

/** RFC 9112, section 3.2, wants that refused: somebody before us may have believed the other one. */
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (name.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  return hosts > 1;
}

/** What follows an upgrade is none of HTTP's. */
function announcesBody(raw: IncomingMessage & { readonly upgrade?: boolean }): boolean {
  const { "transfer-encoding": coding, "content-length": length } = raw.headers;
  if (raw.upgrade === true || !(raw.socket instanceof Socket)) return false; // injected by a test
  return coding !== undefined || Number(length ?? 0) > 0;
}

const lifts = new WeakMap<object, () => void>();

/** A request whose body may take as long as it likes, e.g. an upload; to be called once it was let in. */
export function liftBodyDeadline(raw: object): void {
  lifts.get(raw)?.();
}

/** HTTP/2 ends the stream, HTTP/1.1 the connection, with an answer that says so. */
function expectBody(raw: IncomingMessage, stream: ServerHttp2Stream | undefined): void {
  if (stream === undefined ? !announcesBody(raw) : stream.endAfterHeaders) return;
  const late = setTimeout(() => {
    if (stream !== undefined) stream.close(constants.NGHTTP2_CANCEL);
    else if (!raw.complete) answerUnreadable(requestTimeout, raw.socket);
  }, bodyMs);
  late.unref();
  const there = (): void => clearTimeout(late);
  lifts.set(raw, there);
  (stream ?? raw).once("end", there).once("close", there);
}

type Refusal = { readonly code: number; readonly text: string; readonly message: string };

const tooLargeHeaders: Refusal = {
  code: 431,
  text: "Request Header Fields Too Large",
  message: `Request header fields too large: limit is ${maxHeaderBytes} bytes`,
};
const refusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: tooLargeHeaders,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    code: 413,
    text: "Payload Too Large",
    message: `Request entity too large: limit is ${bodyLimitBytes} bytes`,
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: 408,
    text: "Request Timeout",
    message: "Cannot wait any longer for the rest of the request",
  },
};
const unreadable: Refusal = {
  code: 400,
  text: "Bad Request",
  message: "Cannot read the request: it is not HTTP/1.1",
};

const requestTimeout = Object.assign(new Error("the body did not come"), {
  code: "ERR_HTTP_REQUEST_TIMEOUT",
});

function refusalOf({ code = "" }: { readonly code?: string }): Refusal {
  return (Object.hasOwn(refusals, code) ? refusals[code] : undefined) ?? unreadable;
}

/** With which code such a request is answered; `undefined` when nobody is there to be answered. */
export function codeOfUnreadable(err: { readonly code?: string }): number | undefined {
  return err.code === "ECONNRESET" ? undefined : refusalOf(err).code;
}

/** Answers an HTTP/1.1 request that could not even be parsed, and ends its connection. */
export function answerUnreadable(err: Error & { readonly code?: string }, socket: Socket): void {
  // Before the handshake is done there is no way to answer, and what is to be sent would wait for ever.
  const { secureConnecting } = socket as Socket & { readonly secureConnecting?: boolean };
  if (err.code === "ECONNRESET" || !socket.writable || secureConnecting === true) {
    socket.destroy();
    return;
  }
  const { code, text, message } = refusalOf(err);
  const body = statusText(code, message);
  const head = [
    `HTTP/1.1 ${code} ${text}`,
    "Content-Type: application/json",
    "Cache-Control: no-cache, private",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
