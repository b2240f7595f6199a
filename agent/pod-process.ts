import type { Duplex } from "node:stream";
import { internal, StatusError } from "../api/machinery/errors.ts";
import { toStatus } from "../api/machinery/status.ts";
import {
  encodeFrame,
  encodeJsonFrame,
  type Frame,
  frameType,
  jsonOf,
  readFrames,
} from "../api/tunnel/process-frames.ts";
import type { ReadyProcess, ServedProcess } from "./serve-process.ts";
import { writeBytes } from "../api/tunnel/write-bytes.ts";

type Size = Parameters<ServedProcess["resize"]>[0];

function sizeOf(frame: Frame): Size | undefined {
  const size = jsonOf(frame) as Partial<Size> | null;
  if (typeof size?.columns !== "number" || typeof size.rows !== "number") return undefined;
  return { columns: size.columns, rows: size.rows };
}

async function resize(process: ServedProcess, size: Size | undefined): Promise<void> {
  // A size that cannot be set is no reason to end.
  if (size !== undefined) await process.resize(size).catch(() => undefined);
}

/** Passes on what the client sends. Never rejects: a process need not read. */
async function feed(frames: AsyncIterable<Frame>, process: ServedProcess): Promise<void> {
  process.stdin.on("error", () => {}); // it ended first
  try {
    for await (const frame of frames) {
      if (frame.type === frameType.stdin) await writeBytes(process.stdin, frame.payload);
      else if (frame.type === frameType.endOfInput) process.stdin.end();
      else if (frame.type === frameType.resize) await resize(process, sizeOf(frame));
    }
  } catch {
    // The connection broke: "close" ends the process.
  }
}

async function start(
  link: Duplex,
  ready: ReadyProcess,
  frames: AsyncIterator<Frame>,
  gone: AbortSignal,
) {
  const { value, done } = await frames.next();
  if (done === true) return undefined; // hung up before it began
  if (value.type !== frameType.start) throw internal("The server did not begin with a start");
  const process = await ready.start(sizeOf(value), gone);
  link.write(encodeFrame(frameType.started));
  return process;
}

async function speak(link: Duplex, process: ServedProcess, gone: AbortSignal): Promise<void> {
  for await (const { stream, bytes } of process.output) {
    if (gone.aborted) return;
    await writeBytes(link, encodeFrame(frameType[stream], bytes));
  }
  const code = await process.exitCode(gone);
  link.end(encodeJsonFrame(frameType.exit, code === undefined ? {} : { code }));
}

function failureFrame(err: unknown): Buffer {
  const why = err instanceof Error ? err.message : String(err);
  const status =
    err instanceof StatusError ? err : internal(`error attaching to container: ${why}`);
  return encodeJsonFrame(frameType.failure, toStatus(status));
}

/**
 * Joins a process and the connection of its client until either of them ends: a client that is gone hangs
 * up, and so ends a command. Never rejects.
 */
export async function converse(link: Duplex, ready: ReadyProcess): Promise<void> {
  const gone = new AbortController();
  link.once("close", () => gone.abort());
  const frames = readFrames(link as AsyncIterable<Buffer>);
  try {
    const process = await start(link, ready, frames, gone.signal);
    if (process === undefined) return;
    await using ending = process;
    const hangUp = (): void => {
      Promise.resolve(ending[Symbol.asyncDispose]()).catch(() => undefined); // told to nobody: they left
    };
    if (gone.signal.aborted) hangUp();
    else gone.signal.addEventListener("abort", hangUp, { once: true });
    void feed(frames, process); // never rejects; ends with the connection
    await speak(link, process, gone.signal);
  } catch (err) {
    if (!gone.signal.aborted) link.end(failureFrame(err));
  } finally {
    if (!link.writableEnded) link.destroy();
  }
}
