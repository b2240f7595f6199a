import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Extract, extract, type Header } from "tar-stream";

type Source = Extract extends AsyncIterable<infer One> ? One : never;

/** One entry of an archive. Its content must be read, or the next one never comes. */
export type TarItem = { readonly header: Header; readonly content: Source };

/** The entries of an archive as they come. Leaving early ends the source. @throws what breaks it */
export async function* readTar(source: Readable): AsyncGenerator<TarItem> {
  const unpack = extract();
  // Its types are those of streamx, which behaves as Node's streams do.
  const reading = pipeline(source, unpack as unknown as NodeJS.WritableStream);
  // Whoever iterates is told of an error by the iteration.
  reading.catch(() => undefined);
  try {
    for await (const entry of unpack) yield { header: entry.header, content: entry };
  } finally {
    unpack.destroy();
    source.destroy();
  }
}
