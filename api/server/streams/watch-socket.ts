import type { WebSocket } from "ws";
import type { WatchSink } from "../objects/fan-out.ts";
import type { OpenWatch } from "../objects/watch.ts";
import type { Io } from "./serve-command.ts";
import type { Upgrade } from "./upgrade.ts";
import { lostRight } from "../live-requests.ts";
import { closeSocket, endCode, offersOf, openWebSocket } from "./web-socket.ts";

const newline = 0x0a;

/** The lines of a buffer without their ends: JSON has no newline of its own. */
function* linesOf(lines: Buffer): Generator<Buffer> {
  let start = 0;
  while (start < lines.length) {
    const end = lines.indexOf(newline, start);
    const stop = end < 0 ? lines.length : end;
    if (stop > start) yield lines.subarray(start, stop);
    start = stop + 1;
  }
}

/** Each line is one text message. */
function sinkOf(socket: WebSocket, ending: AbortSignal): WatchSink {
  let unsent = 0;
  let wake: (() => void) | undefined;
  const sent = (): void => {
    unsent -= 1;
    if (unsent === 0) wake?.();
  };
  socket.once("close", () => wake?.());
  const isOpen = (): boolean => socket.readyState === socket.OPEN;
  return {
    write(lines) {
      for (const line of linesOf(lines)) {
        if (!isOpen()) return;
        unsent += 1;
        socket.send(line, { binary: false }, sent);
      }
    },
    get backlogBytes() {
      return isOpen() ? socket.bufferedAmount : 0;
    },
    async drained() {
      if (!isOpen() || unsent === 0) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    },
    end() {
      void closeSocket(socket, endCode(ending)); // never rejects
    },
    cut: () => socket.terminate(),
  };
}

/**
 * Streams a watch over a WebSocket: each event is one text message. Returns when it has ended. A
 * subprotocol means nothing here; the first that the client offers is agreed to, since browsers give
 * up without an answer.
 * @throws StatusError `BadRequest` for a broken handshake
 */
export async function sendWatchMessages(io: Io, upgrade: Upgrade, watch: OpenWatch): Promise<void> {
  const { socket, taken } = openWebSocket(io, upgrade, offersOf(io.request)[0] ?? "");
  const stop = new AbortController();
  const ending = io.request.ending();
  const end = (): void => stop.abort(lostRight(ending));
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.once("close", () => stop.abort());
  ending.addEventListener("abort", end, { once: true });
  if (ending.aborted) end();
  await watch.run(sinkOf(socket, ending), stop);
  await closed;
  taken.done();
}
