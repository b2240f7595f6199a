import { WebSocket } from "ws";
import type { TlsAccess } from "../bench/tunnel-world.ts";

/** Whom a client poses as: streams are limited per user. */
export type Who = { readonly access: TlsAccess; readonly user?: string };

/** A command in a container, over a WebSocket as kubectl opens it (KEP-4006). */
export interface ExecClient {
  /** Resolves with the text once stdout has ended with it. @throws Error when the connection ends before */
  untilOutput(end: string): Promise<string>;
  send(text: string): void;
  /** The exit code of its Status. @throws Error when there is none */
  readonly exitCode: Promise<number>;
  /** Bytes of stdout so far. */
  readonly received: number;
  /** Takes nothing more from the connection until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Vanishes without a farewell. */
  vanish(): void;
}

/** What to run where. */
export type Command = { readonly pod: string; readonly argv: readonly string[] };

type Status = {
  readonly status?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { reason?: string; message?: string }[] };
};

function exitCodeOf(text: string): number {
  const { status, message = "", details } = JSON.parse(text) as Status;
  if (status === "Success") return 0;
  const cause = details?.causes?.find(({ reason }) => reason === "ExitCode");
  if (cause === undefined) throw new Error(`No exit code: ${message}`);
  return Number(cause.message);
}

/** Headers by which an administrator acts for somebody else. */
export function impersonation({ user }: Who): Readonly<Record<string, string>> {
  if (user === undefined) return {};
  return { "impersonate-user": user, "impersonate-group": "system:masters" };
}

function urlOf({ host, port }: TlsAccess, { pod, argv }: Command): string {
  const query = new URLSearchParams({ stdin: "true", stdout: "true", stderr: "true" });
  for (const word of argv) query.append("command", word);
  return `wss://${host}:${port}/api/v1/namespaces/default/pods/${pod}/exec?${query.toString()}`;
}

/** Dials, and resolves once the command may be talked to. @throws Error with the HTTP status of a refusal */
export function openExec(who: Who, command: Command): Promise<ExecClient> {
  const { ca, cert, key } = who.access;
  const socket = new WebSocket(urlOf(who.access, command), ["v5.channel.k8s.io"], {
    ca,
    cert,
    key,
    headers: impersonation(who),
    perMessageDeflate: false,
  });
  return new Promise((resolve, reject) => {
    socket.once("unexpected-response", (_request, response) => {
      response.resume();
      reject(new Error(`refused with ${response.statusCode}`));
      socket.terminate();
    });
    socket.on("error", reject);
    const client = converse(socket);
    socket.once("open", () => resolve(client));
  });
}

function converse(socket: WebSocket): ExecClient {
  const { promise: exitCode, resolve, reject } = Promise.withResolvers<number>();
  exitCode.catch(() => undefined); // told to whoever asks
  let output = "";
  let received = 0;
  let look = (): void => undefined;
  let isClosed = false;
  socket.on("message", (bytes: Buffer) => {
    if (bytes[0] === 1) {
      received += bytes.length - 1;
      output = (output + bytes.toString("latin1", 1)).slice(-200);
      look();
    } else if (bytes[0] === 3 && bytes.length > 1) {
      try {
        resolve(exitCodeOf(bytes.toString("utf8", 1)));
      } catch (err) {
        reject(err);
      }
    }
  });
  socket.once("close", (code) => {
    isClosed = true;
    reject(new Error(`closed with ${code} before a status came`));
    look();
  });
  return {
    exitCode,
    get received() {
      return received;
    },
    untilOutput: (end) =>
      new Promise((done, fail) => {
        look = () => {
          if (output.endsWith(end)) done(output);
          else if (isClosed) fail(new Error(`closed after ${JSON.stringify(output.slice(-40))}`));
        };
        look();
      }),
    send: (text) => socket.send(Buffer.concat([Buffer.of(0), Buffer.from(text)])),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    vanish: () => socket.terminate(),
  };
}

/** Runs a command to its end; milliseconds. @throws Error unless it prints `expected` and ends with `code` */
export async function runExec(
  who: Who,
  command: Command & { readonly expected: string; readonly code: number },
): Promise<number> {
  const begun = performance.now();
  const client = await openExec(who, command);
  try {
    await client.untilOutput(command.expected);
    const code = await client.exitCode;
    if (code !== command.code) throw new Error(`ended with ${code} instead of ${command.code}`);
    return performance.now() - begun;
  } finally {
    client.vanish();
  }
}
