import { internal } from "../machinery/errors.ts";
import type { KubeObject } from "../machinery/object.ts";
import { fromStatus } from "../machinery/status.ts";
import type { WatchFrame } from "./client.ts";

/** No object of ours is larger than the server's body limit of 3 MiB; twice that with its envelope. */
const maxLineBytes = 8 * 1024 * 1024;

const newline = 0x0a;

/**
 * The lines of a body, without their ends and without empty ones. A last line without an end is
 * dropped: the stream was cut, and whoever reads on gets it again.
 *
 * @throws StatusError `InternalError` for a line beyond 8 MiB.
 */
export async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      rest.push(chunk.subarray(start, end));
      // Decoded per line, so that a character split over two chunks is whole again.
      const line = Buffer.concat(rest).toString("utf8");
      rest = [];
      restBytes = 0;
      start = end + 1;
      if (line.trim() !== "") yield line;
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      restBytes += chunk.length - start;
    }
    if (restBytes > maxLineBytes)
      throw internal(`Cannot read a line of over ${maxLineBytes} bytes`);
  }
}

type Envelope = { readonly type?: unknown; readonly object?: unknown };

const changes: ReadonlySet<unknown> = new Set(["ADDED", "MODIFIED", "DELETED"]);

/**
 * One line of a watch as a frame.
 *
 * @throws StatusError what the server put into an `ERROR` frame, or `InternalError` for a line
 * that is no frame.
 */
export function parseFrame<T extends KubeObject>(line: string): WatchFrame<T> {
  let envelope: Envelope;
  try {
    envelope = JSON.parse(line) as Envelope;
  } catch (cause) {
    throw internal("Cannot read a watch frame: it is not JSON", { cause });
  }
  const { type, object } = envelope;
  if (type === "ERROR") {
    const code = (object as { readonly code?: unknown } | undefined)?.code;
    throw fromStatus(typeof code === "number" ? code : 500, object);
  }
  if (typeof object !== "object" || object === null || !("metadata" in object)) {
    throw internal("Cannot read a watch frame: it carries no object");
  }
  const known = object as T;
  if (type === "BOOKMARK") return { type, resourceVersion: known.metadata.resourceVersion };
  if (!changes.has(type))
    throw internal(`Cannot read a watch frame: unknown type "${String(type)}"`);
  return { type: type as "ADDED" | "MODIFIED" | "DELETED", object: known };
}
