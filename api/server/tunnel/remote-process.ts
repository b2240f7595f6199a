import { type Duplex, Writable } from "node:stream";
import { internal, unavailable } from "../../machinery/errors.ts";
import { fromStatus } from "../../machinery/status.ts";
import {
  encodeFrame,
  encodeJsonFrame,
  type Frame,
  frameType,
  jsonOf,
  readFrames,
} from "../../tunnel/process-frames.ts";
import type { RemoteProcess, TerminalSize } from "../pods/pod-streams.ts";

type Output = RemoteProcess["output"];

function failureOf(frame: Frame): Error {
  const status = jsonOf(frame);
  const code = (status as { readonly code?: unknown } | null)?.code;
  return fromStatus(typeof code === "number" ? code : 500, status);
}

const broke = (cause?: unknown): Error =>
  unavailable("The connection to the agent broke off before the command ended", { cause });

/** The next frame. @throws StatusError when there is none */
async function nextFrame(frames: AsyncIterator<Frame>): Promise<Frame> {
  try {
    const { value, done } = await frames.next();
    if (done !== true) return value;
  } catch (err) {
    throw broke(err);
  }
  throw broke();
}

function inputOf(link: Duplex): Writable {
  const send = (frame: Buffer, done: (err?: Error | null) => void): void => {
    if (link.writableEnded || link.destroyed)
      done(); // it ended first, and need not read
    else link.write(frame, done);
  };
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => send(encodeFrame(frameType.stdin, chunk), done),
    final: (done) => send(encodeFrame(frameType.endOfInput), done),
  });
}

type Ending = { code?: number };

async function* outputOf(
  frames: AsyncIterator<Frame>,
  ending: Ending,
): AsyncGenerator<Output extends AsyncIterable<infer One> ? One : never> {
  for (;;) {
    const frame = await nextFrame(frames);
    if (frame.type === frameType.stdout) yield { stream: "stdout", bytes: frame.payload };
    else if (frame.type === frameType.stderr) yield { stream: "stderr", bytes: frame.payload };
    else if (frame.type === frameType.failure) throw failureOf(frame);
    else if (frame.type === frameType.exit) {
      const { code } = jsonOf(frame) as Ending;
      if (code !== undefined) ending.code = code;
      return;
    }
  }
}

/**
 * Starts the process that the agent has prepared at the other end of `link`. Aborting the signal hangs up.
 * @throws StatusError of the agent, `ServiceUnavailable` when the link breaks
 */
export async function startProcess(
  link: Duplex,
  size: TerminalSize | undefined,
  signal: AbortSignal,
): Promise<RemoteProcess> {
  const hangUp = (): void => void link.destroy();
  signal.addEventListener("abort", hangUp, { once: true });
  link.once("close", () => signal.removeEventListener("abort", hangUp));
  if (signal.aborted) hangUp();
  const frames = readFrames(link as AsyncIterable<Buffer>);
  link.write(encodeJsonFrame(frameType.start, size ?? null));
  const first = await nextFrame(frames);
  if (first.type === frameType.failure) throw failureOf(first);
  if (first.type !== frameType.started) {
    hangUp();
    throw internal(`The agent began with a frame of type ${first.type}`);
  }
  const stdin = inputOf(link);
  link.once("close", () => stdin.destroy());
  const ending: Ending = {};
  return {
    stdin,
    output: outputOf(frames, ending),
    exitCode: async () => ending.code,
    async resize(next) {
      if (!link.writableEnded && !link.destroyed)
        link.write(encodeJsonFrame(frameType.resize, next));
    },
    async [Symbol.asyncDispose]() {
      if (!link.readableEnded) return hangUp();
      link.end();
    },
  };
}
