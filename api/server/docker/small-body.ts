import type { Readable } from "node:stream";
import { badRequest, tooLarge } from "../../machinery/errors.ts";
import type { Upgrade } from "../streams/upgrade.ts";

/** Far above what any client sends; the engine itself would take any size. Bytes. */
const maxJsonBytes = 1 << 20;

/** Milliseconds. */
const bodyMs = 60_000;

/** A body before an upgrade: so many bytes at the beginning of what follows the headers. */
async function readBefore({ head, socket, bodyBytes }: Upgrade): Promise<Buffer> {
  if (bodyBytes > maxJsonBytes) throw tooLarge(maxJsonBytes);
  if (head.length > 0) socket.unshift(head);
  if (bodyBytes === 0) return Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const settle = (err: Error | undefined, body: Buffer = Buffer.alloc(0)): void => {
      clearTimeout(late);
      socket.off("readable", take).off("end", cut).off("close", cut);
      if (err === undefined) resolve(body);
      else reject(err);
    };
    const take = (): void => {
      const body = socket.read(bodyBytes) as Buffer | null;
      // At its end a stream gives what it has, however much was asked for.
      if (body?.length === bodyBytes) settle(undefined, body);
      else if (body !== null) cut();
    };
    const cut = (): void =>
      settle(badRequest("Cannot read the body: it is shorter than announced"));
    const late = setTimeout(cut, bodyMs);
    socket.on("readable", take).on("end", cut).on("close", cut);
    take();
  });
}

/**
 * The whole body of a request that is no stream.
 * @throws StatusError `BadRequest` for one that was cut, `RequestEntityTooLarge`
 */
export async function readSmallBody(from: Readable | Upgrade): Promise<Buffer> {
  if ("bodyBytes" in from) return readBefore(from);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxJsonBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw badRequest("Cannot read the body: the connection was cut", { cause });
  }
  if (bytes > maxJsonBytes) throw tooLarge(maxJsonBytes);
  return Buffer.concat(chunks);
}
