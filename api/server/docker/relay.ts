import type { Duplex, Readable } from "node:stream";
import type { NodeAnswer } from "../../tunnel/node-link.ts";
import { writeBytes } from "../../tunnel/write-bytes.ts";
import type { Reply } from "../http.ts";
import { idleTimer, streamIdleMs } from "../streams/idle-timer.ts";
import { splice } from "../streams/splice.ts";
import { takeOver, type Upgrade } from "../streams/upgrade.ts";
import { headersFromNode } from "./headers.ts";

async function copy(body: Readable, raw: Reply["raw"]): Promise<void> {
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (raw.destroyed) return;
    await writeBytes(raw, chunk);
  }
  if (!raw.writableEnded) raw.end();
}

/**
 * Hands an answer back as it comes: status, headers at once, then each chunk. `policy` is what a browser may
 * do with it, see {@link headersFromNode}.
 */
export async function relayAnswer(
  reply: Reply,
  answer: NodeAnswer,
  policy?: string,
): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.on("error", () => {}); // the connection broke: "close" follows and ends the call
  // More than was announced would be taken for the answer to the next request of the connection.
  raw.strictContentLength = true;
  raw.writeHead(answer.status, headersFromNode(answer, policy));
  raw.flushHeaders();
  try {
    await copy(answer.body, raw);
  } catch (err) {
    // Too late for a status: a cut stream must not look like its end.
    raw.destroy(err instanceof Error ? err : undefined);
  } finally {
    answer.body.destroy();
  }
}

/** Joins the client with the connection that the engine handed over; resolves when both are done. */
export async function relayUpgraded(
  reply: Reply,
  upgrade: Upgrade,
  { answer, upgraded, signal }: Upgraded,
): Promise<void> {
  const taken = takeOver(reply, upgrade);
  const { socket } = upgrade;
  socket.allowHalfOpen = true; // the end of a client's input is not the end of the output
  const headers = headersFromNode(answer);
  const lines = [
    "HTTP/1.1 101 UPGRADED",
    "Connection: Upgrade",
    `Upgrade: ${upgrade.protocol}`,
    ...Object.entries(headers).flatMap(([name, value]) =>
      [value].flat().map((one) => `${name}: ${String(one)}`),
    ),
    ...taken.headers,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const idle = idleTimer(streamIdleMs);
  const end = AbortSignal.any([signal, idle.signal]);
  const cut = (): void => {
    socket.destroy();
    upgraded.destroy();
  };
  end.addEventListener("abort", cut, { once: true });
  if (end.aborted) cut();
  await splice(socket, upgraded, idle);
  end.removeEventListener("abort", cut);
  idle.stop();
  taken.done();
}

/** A connection that an engine handed over. */
export type Upgraded = {
  readonly answer: NodeAnswer;
  readonly upgraded: Duplex;
  /** Aborts when the client is gone, or the request must end. */
  readonly signal: AbortSignal;
};
