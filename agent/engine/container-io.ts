import { notFound } from "../../api/machinery/errors.ts";
import { demux, undivided } from "./demux.ts";
import type { ContainerIo, FileEntry, LogOptions, Output } from "./engine.ts";
import { createChangesVerb, createStatVerb } from "./files.ts";
import { createAttachVerb, createExecVerb, hasTty } from "./exec.ts";
import { type Parts, readCall, type Target } from "./parts.ts";
import { toStats, type WireStats } from "./stats-from-wire.ts";
import { tar, type TarEntry } from "./tar.ts";
import type { Body, Call, Query } from "./transport.ts";

function logQuery(options: LogOptions): Query {
  const { follow = false, tail, sinceMs, timestamps = false } = options;
  const streams = options.streams ?? ["stdout", "stderr"];
  return {
    follow,
    timestamps,
    stdout: streams.includes("stdout"),
    stderr: streams.includes("stderr"),
    tail: tail ?? "all",
    // Seconds with a fraction: the engine takes nanoseconds there.
    since: sinceMs === undefined ? undefined : (sinceMs / 1000).toFixed(9),
  };
}

async function* readBody(body: Body, tty: boolean): AsyncGenerator<Output> {
  try {
    yield* tty ? undivided(body.stream) : demux(body.stream);
  } catch (err) {
    throw body.explain(err);
  } finally {
    body.stream.destroy();
  }
}

const logs = (parts: Parts): ContainerIo["logs"] =>
  async function* readLogs(id, options, signal) {
    const target: Target = { id, action: "read the log of", signal };
    try {
      const tty = options.tty ?? (await hasTty(parts, target));
      const call = readCall(parts, target, "logs");
      const body = await parts.transport.open({ ...call, query: logQuery(options) });
      if (body !== undefined) yield* readBody(body, tty);
    } catch (err) {
      if (signal?.aborted !== true) throw err;
    }
  };

/** Parents first, each once. */
function withParents(files: readonly FileEntry[]): readonly TarEntry[] {
  const directories = new Set<string>();
  for (const { path } of files) {
    const parts = path.split("/").filter((part) => part !== "");
    parts.slice(0, -1).forEach((_, index) => directories.add(parts.slice(0, index + 1).join("/")));
  }
  const parents = [...directories].sort();
  return [
    ...parents.map((path): TarEntry => ({ type: "directory", path })),
    ...files.map((file): TarEntry => ({ ...file, type: "file" })),
  ];
}

async function put(
  parts: Parts,
  target: Target,
  content: { readonly path: string; readonly raw: NonNullable<Call["raw"]> },
): Promise<void> {
  const { path, raw } = content;
  const deadlineMs = parts.deadlines.changeMs;
  const call = readCall(parts, target, "archive");
  await parts.transport.json({ ...call, method: "PUT", query: { path }, raw, deadlineMs });
}

const getArchive =
  (parts: Parts): ContainerIo["getArchive"] =>
  async (id, path, signal) => {
    const call = readCall(parts, { id, action: `read ${path} of`, signal }, "archive");
    const body = await parts.transport.open({ ...call, query: { path } });
    if (body === undefined) throw notFound({ group: "", plural: "containers" }, id);
    return body.stream;
  };

const stats =
  (parts: Parts): ContainerIo["stats"] =>
  async (id, signal) => {
    const call = readCall(parts, { id, action: "measure", signal }, "stats");
    const query = { stream: false, "one-shot": true };
    const wire = await parts.transport.json<WireStats>({ ...call, query, mayBeAbsent: true });
    return wire === undefined ? undefined : toStats(wire);
  };

/** The stream verbs over HTTP. */
export function createContainerIo(parts: Parts): ContainerIo {
  const writing = "write files into";
  return {
    logs: logs(parts),
    exec: createExecVerb(parts),
    attach: createAttachVerb(parts),
    putFiles: (id, files, signal) =>
      put(parts, { id, action: writing, signal }, { path: "/", raw: tar(withParents(files)) }),
    putArchive: (id, path, archive, signal) =>
      put(parts, { id, action: writing, signal }, { path, raw: archive }),
    changes: createChangesVerb(parts),
    statPath: createStatVerb(parts),
    getArchive: getArchive(parts),
    stats: stats(parts),
  };
}
