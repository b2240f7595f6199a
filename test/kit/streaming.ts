import { request as httpRequest } from "node:http";
import { type Duplex, duplexPair, PassThrough } from "node:stream";
import { WebSocket } from "ws";
import type { App } from "../../api/server/http.ts";
import type { ReadyProcess, TerminalSize } from "../../api/server/pods/pod-streams.ts";
import { eventually } from "./eventually.ts";
import { type SpdyClient, spdyClient } from "./spdy-client.ts";

/** A connection to an app in memory: no listener, no port. */
export function dial(app: App): Duplex {
  const [near, far] = duplexPair();
  // A pair of sockets breaks on both sides.
  near.once("close", () => far.destroy());
  far.once("close", () => near.destroy());
  app.server.emit("connection", far);
  return near;
}

/** An answer that is no upgrade. */
export type Refusal = {
  readonly code: number;
  readonly body: Record<string, unknown>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** A WebSocket and everything it heard. */
export type SocketClient = {
  readonly socket: WebSocket;
  /** The subprotocol of the answer; empty if there was none. */
  readonly protocol: string;
  readonly headers: Refusal["headers"];
  readonly messages: readonly { readonly bytes: Buffer; readonly isBinary: boolean }[];
  /** What came on a channel, the empty first message left out. */
  read(channel: number): string;
  /** The code with which it was closed. */
  closed(): Promise<number>;
};

/** How a client differs from the plainest one. */
export type UpgradeOptions = {
  readonly method?: "GET" | "POST";
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
};

type Upgraded = {
  readonly connection: Duplex;
  readonly head: Buffer;
  readonly headers: Refusal["headers"];
};

/** Sends a request with an upgrade. @returns the connection, or what was answered instead */
export function requestUpgrade(
  app: App,
  path: string,
  { method = "GET", headers = {} }: UpgradeOptions,
): Promise<Upgraded | Refusal> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => dial(app),
      method,
      path,
      headers,
    });
    request.once("error", reject);
    request.once("upgrade", (response, connection, head) => {
      resolve({ connection, head, headers: response.headers });
    });
    request.once("response", (response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (part: string) => (text += part));
      response.once("end", () => {
        const body = JSON.parse(text) as Refusal["body"];
        resolve({ code: response.statusCode ?? 0, body, headers: response.headers });
      });
    });
    request.end();
  });
}

/** The headers of a WebSocket handshake. */
export const handshake = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Opens a WebSocket. The library checks names of protocols more strictly than clients do, so we shake
 * hands by ourselves. */
export async function openSocket(
  app: App,
  path: string,
  options: UpgradeOptions = {},
): Promise<SocketClient | Refusal> {
  const { protocols = [], headers = {} } = options;
  const offer = protocols.length === 0 ? {} : { "sec-websocket-protocol": protocols.join(", ") };
  const answer = await requestUpgrade(app, path, {
    headers: { ...handshake, ...offer, ...headers },
  });
  if ("code" in answer) return answer;
  const socket = joinSocket(answer);
  const messages: { bytes: Buffer; isBinary: boolean }[] = [];
  socket.on("message", (bytes: Buffer, isBinary) => messages.push({ bytes, isBinary }));
  socket.on("error", () => {});
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  return {
    socket,
    protocol: String(answer.headers["sec-websocket-protocol"] ?? ""),
    headers: answer.headers,
    messages,
    read: (channel) =>
      Buffer.concat(
        messages.filter(({ bytes }) => bytes[0] === channel).map(({ bytes }) => bytes.subarray(1)),
      ).toString(),
    closed: () => closed,
  };
}

/** A client's WebSocket on a connection that has shaken hands: the library makes only servers' ones of
 * those, so it is told that it is a client. */
function joinSocket({ connection, head }: Upgraded): WebSocket {
  const socket = new WebSocket(null as never, undefined, {});
  const parts = socket as unknown as {
    _isServer: boolean;
    setSocket(socket: Duplex, head: Buffer, options: object): void;
  };
  parts._isServer = false;
  const options = { allowSynchronousEvents: true, maxPayload: 0, skipUTF8Validation: false };
  parts.setSocket(connection, head, options);
  return socket;
}

/** Opens a SPDY connection, as kubectl before 1.30 does. */
export async function openSpdy(
  app: App,
  path: string,
  protocols: readonly string[],
): Promise<{ readonly client: SpdyClient; readonly headers: Refusal["headers"] } | Refusal> {
  const headers = {
    connection: "Upgrade",
    upgrade: "SPDY/3.1",
    "x-stream-protocol-version": protocols.join(", "),
  };
  const answer = await requestUpgrade(app, path, { method: "POST", headers });
  if ("code" in answer) return answer;
  if (answer.head.length > 0) answer.connection.unshift(answer.head);
  return { client: spdyClient(answer.connection), headers: answer.headers };
}

/** A process that does what the test says. */
export type FakeProcess = {
  readonly ready: ReadyProcess;
  /** What it was sent, up to now. */
  input(): string;
  inputEnded(): boolean;
  /** Says something; resolves when it was taken. */
  say(stream: "stdout" | "stderr", bytes: string | Uint8Array): Promise<void>;
  exit(code: number): void;
  readonly sizes: readonly TerminalSize[];
  /** Whether it was hung up on. */
  isLeft(): boolean;
  /** Waits until it runs. */
  started(): Promise<void>;
};

type Spoken = { readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array };

/** A process that waits for the test. */
export function fakeProcess(tty = false): FakeProcess {
  const stdin = new PassThrough();
  const chunks: Buffer[] = [];
  const sizes: TerminalSize[] = [];
  const queue = new PassThrough({ objectMode: true, highWaterMark: 1 });
  let ended = false;
  let code: number | undefined;
  let left = false;
  let running = false;
  stdin.on("data", (chunk: Buffer) => chunks.push(chunk));
  stdin.on("end", () => {
    ended = true;
  });
  return {
    sizes,
    ready: {
      tty,
      async start(size) {
        running = true;
        if (size !== undefined) sizes.push(size);
        return {
          stdin,
          output: queue as AsyncIterable<Spoken>,
          exitCode: async () => code,
          resize: async (next) => void sizes.push(next),
          async [Symbol.asyncDispose]() {
            if (code === undefined) left = true;
            queue.destroy();
          },
        };
      },
    },
    input: () => Buffer.concat(chunks).toString(),
    inputEnded: () => ended,
    say: (stream, bytes) =>
      new Promise((resolve) => {
        queue.write({ stream, bytes: Buffer.from(bytes as Uint8Array) }, () => resolve());
      }),
    exit(given) {
      code = given;
      queue.end();
    },
    isLeft: () => left,
    async started() {
      await eventually("the process was started", () => running);
    },
  };
}
