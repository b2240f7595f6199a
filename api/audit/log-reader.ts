import { createReadStream } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createGunzip } from "node:zlib";
import type { Place } from "./verify.ts";

/** A line of a log and where it stands. */
export type PlacedLine = Place & { readonly text: string };

/** Longer lines are cut here, in characters: no event of ours is, and memory stays bounded. */
const maxLineLength = 4 << 20;

/** How often a followed file is looked at, in milliseconds. */
const followMs = 250;

/** The files of a log, oldest first: those set aside as `PATH.N`, also compressed, and `PATH`. */
export async function filesOf(path: string): Promise<readonly string[]> {
  const name = basename(path);
  const aside: [number, string][] = [];
  let current: readonly string[] = [];
  for (const entry of await readdir(dirname(path))) {
    if (entry === name) current = [path];
    const rest = entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : "";
    const number = /^(\d{1,6})(\.gz)?$/.exec(rest)?.[1];
    if (number !== undefined) aside.push([Number(number), join(dirname(path), entry)]);
  }
  const old = aside.toSorted(([a], [b]) => b - a).map(([, file]) => file);
  return [...old, ...current];
}

/** Splits bytes into lines; a last line without an end counts too. */
async function* splitLines(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(0, maxLineLength);
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/** Reads files one after the other; those that end in `.gz` are unpacked. @throws Error of the file system */
export async function* readLog(
  files: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<PlacedLine> {
  for (const file of files) {
    const bytes = createReadStream(file, signal === undefined ? {} : { signal });
    const source = file.endsWith(".gz") ? bytes.pipe(createGunzip()) : bytes;
    bytes.once("error", (err) => source.destroy(err));
    let line = 0;
    for await (const text of splitLines(source)) {
      line += 1;
      yield { file, line, text };
    }
  }
}

/** Reads a file from its beginning, and then as it grows, across rotations, until the signal aborts. */
export async function* followLog(path: string, signal: AbortSignal): AsyncGenerator<string> {
  let file = await open(path, "r");
  try {
    const decoder = new TextDecoder();
    const buffer = Buffer.alloc(64 << 10);
    let at = 0;
    let rest = "";
    while (!signal.aborted) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead > 0) {
        at += bytesRead;
        const text = decoder.decode(buffer.subarray(0, bytesRead), { stream: true });
        const lines = (rest + text).split("\n");
        rest = (lines.pop() ?? "").slice(0, maxLineLength);
        yield* lines;
        continue;
      }
      const next = await nextFile(path, file);
      if (next === undefined) {
        await sleep(followMs, undefined, { signal, ref: false }).catch(() => {}); // then the loop ends
        continue;
      }
      await file.close();
      [file, at, rest] = [next, 0, ""];
    }
  } finally {
    await file.close();
  }
}

type File = Awaited<ReturnType<typeof open>>;

/** The file that took the place of one that was read to its end. */
async function nextFile(path: string, current: File): Promise<File | undefined> {
  let next: File;
  try {
    next = await open(path, "r");
  } catch {
    return undefined; // in the middle of a rotation: it comes
  }
  const [{ ino: before }, { ino: after, size }] = [await current.stat(), await next.stat()];
  // One that was read to its end, and set aside, may have got lines since: those come first.
  if (before !== after && size > 0) return next;
  await next.close();
  return undefined;
}
