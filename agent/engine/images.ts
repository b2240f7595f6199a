import { notFound, unavailable } from "../../api/machinery/errors.ts";
import type { Parts } from "./parts.ts";
import type { Images, PullProgress, RegistryAuth } from "./engine.ts";
import { type Doing, refused } from "./errors.ts";
import { toImage, type WireImage } from "./from-wire.ts";
import { readNdjson } from "./ndjson.ts";
import { type Body, type Call, segment } from "./transport.ts";

type WireProgress = {
  readonly id?: string;
  readonly status?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number };
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
};

const about = (action: string, name: string): Doing => ({
  action: `${action} image ${name}`,
  kind: "images",
  name,
});

/** The header in which the engine takes a login; URL-safe base64 of JSON. */
function authHeaders(auth: RegistryAuth | undefined): Readonly<Record<string, string>> {
  if (auth === undefined) return {};
  const { username, password, serverAddress } = auth;
  const json = JSON.stringify({ username, password, serveraddress: serverAddress });
  return { "X-Registry-Auth": Buffer.from(json).toString("base64url") };
}

/**
 * Splits a reference for the engine's pull: without a tag it would fetch every tag, and a digest
 * wins over a tag.
 */
export function splitReference(reference: string): { readonly name: string; readonly tag: string } {
  const at = reference.indexOf("@");
  const named = at < 0 ? reference : reference.slice(0, at);
  const colon = named.lastIndexOf(":");
  const tagged = colon > named.lastIndexOf("/"); // else the colon belongs to the registry's port
  const name = tagged ? named.slice(0, colon) : named;
  if (at >= 0) return { name, tag: reference.slice(at + 1) };
  return { name, tag: tagged ? named.slice(colon + 1) : "latest" };
}

function toProgress(wire: WireProgress, doing: Doing): PullProgress {
  const failure = wire.errorDetail?.message ?? wire.error;
  if (failure !== undefined)
    throw refused(doing, { status: wire.errorDetail?.code ?? 500, message: failure });
  const { current, total } = wire.progressDetail ?? {};
  return {
    status: wire.status ?? "",
    ...(wire.id === undefined ? {} : { id: wire.id }),
    ...(current === undefined ? {} : { currentBytes: current }),
    ...(total === undefined ? {} : { totalBytes: total }),
  };
}

/** Silence longer than this ends the iteration with an error: a registry that hangs must not block a rollout. */
async function* withIdleLimit<T>(
  source: AsyncIterable<T>,
  limitMs: number,
  onIdle: () => void,
): AsyncGenerator<T> {
  let timer = setTimeout(onIdle, limitMs);
  try {
    for await (const item of source) {
      clearTimeout(timer);
      yield item;
      timer = setTimeout(onIdle, limitMs);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function* readProgress(
  body: Body,
  doing: Doing,
  idleMs: number,
): AsyncGenerator<PullProgress> {
  const silence = unavailable(`Cannot ${doing.action}: no progress for ${idleMs / 1000} s`);
  const lines = withIdleLimit(readNdjson(body.stream), idleMs, () => body.stream.destroy(silence));
  try {
    for await (const wire of lines) yield toProgress(wire as WireProgress, doing);
  } catch (err) {
    throw body.explain(err);
  } finally {
    body.stream.destroy();
  }
}

/** A call about one image. */
function imageCall(parts: Parts, doing: Doing, path: string, signal?: AbortSignal): Call {
  return { method: "GET", path, doing, deadlineMs: parts.deadlines.readMs, signal };
}

const inspect =
  (parts: Parts): Images["inspect"] =>
  async (reference, signal) => {
    const path = `/images/${segment(reference)}/json`;
    const call = imageCall(parts, about("inspect", reference), path, signal);
    const wire = await parts.transport.json<WireImage>({ ...call, mayBeAbsent: true });
    return wire === undefined ? undefined : toImage(wire);
  };

type WireDistribution = { readonly Descriptor: { readonly digest: string } };

const resolve =
  (parts: Parts): Images["resolve"] =>
  async (reference, auth, signal) => {
    const path = `/distribution/${segment(reference)}/json`;
    const call = imageCall(parts, about("resolve", reference), path, signal);
    const headers = authHeaders(auth);
    const deadlineMs = parts.deadlines.pullMs;
    const found = await parts.transport.json<WireDistribution>({ ...call, headers, deadlineMs });
    if (found === undefined) throw notFound({ group: "", plural: "images" }, reference);
    return found.Descriptor.digest;
  };

const pull = (parts: Parts): Images["pull"] =>
  async function* readPull(reference, auth, signal) {
    const doing = about("pull", reference);
    const { name, tag } = splitReference(reference);
    const deadlineMs = parts.deadlines.pullMs;
    const body = await parts.transport.open({
      ...imageCall(parts, doing, "/images/create", signal),
      method: "POST",
      query: { fromImage: name, tag },
      headers: authHeaders(auth),
      deadlineMs,
    });
    if (body !== undefined) yield* readProgress(body, doing, deadlineMs);
  };

const importImage =
  (parts: Parts): Images["import"] =>
  async (reference, tar, changes, signal) => {
    const doing = about("import", reference);
    const { name, tag } = splitReference(reference);
    const deadlineMs = parts.deadlines.changeMs;
    const body = await parts.transport.open({
      ...imageCall(parts, doing, "/images/create", signal),
      method: "POST",
      query: { fromSrc: "-", repo: name, tag, changes },
      raw: Buffer.from(tar.buffer, tar.byteOffset, tar.byteLength),
      deadlineMs,
    });
    let id = "";
    if (body === undefined) return id;
    for await (const { status } of readProgress(body, doing, deadlineMs)) id = status;
    return id;
  };

const remove =
  (parts: Parts): Images["remove"] =>
  async (reference, signal) => {
    const path = `/images/${segment(reference)}`;
    const call = imageCall(parts, about("remove", reference), path, signal);
    const deadlineMs = parts.deadlines.changeMs;
    await parts.transport.json({ ...call, method: "DELETE", deadlineMs, mayBeAbsent: true });
  };

/** The image verbs over HTTP. */
export function createImages(parts: Parts): Images {
  return {
    inspect: inspect(parts),
    resolve: resolve(parts),
    pull: pull(parts),
    import: importImage(parts),
    remove: remove(parts),
  };
}
