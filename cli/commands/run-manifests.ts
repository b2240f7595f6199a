import { setTimeout as sleep } from "node:timers/promises";
import { isNotFound, StatusError } from "../../api/machinery/errors.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { applyTarget, targetOf } from "../apply-target.ts";
import { type Flags, type Io, type Session, texts } from "../command.ts";
import { connectTo } from "../connect.ts";
import { type Manifest, readManifests } from "../manifest.ts";

/** What applying at the start needs. */
export type StartManifests = {
  readonly manifests: readonly Manifest[];
  /** The admin's kubeconfig that the server wrote. */
  readonly kubeconfig: string;
  readonly io: Io;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/** Kinds of a CustomResourceDefinition are served a moment after it is there. */
const attempts = 20;
const againMs = 500;

/** The objects of `--manifests`; none without the flag.
 * @throws ManifestError naming file and line, before anything is started */
export async function startManifests(flags: Flags, io: Io): Promise<readonly Manifest[]> {
  const paths = texts(flags, "manifests");
  return paths.length === 0 ? [] : readManifests(paths, io);
}

async function applyOne(session: Session, manifest: Manifest): Promise<string> {
  const target = await targetOf(session, manifest);
  const { done } = await applyTarget(session, target, false);
  return `${target.label} ${done}`;
}

async function applyPatiently(session: Session, manifest: Manifest, parts: StartManifests) {
  for (let attempt = 1; !parts.signal.aborted; attempt += 1) {
    try {
      return await applyOne(session, manifest);
    } catch (err) {
      const mayPass = !(err instanceof StatusError) || isNotFound(err);
      if (attempt >= attempts || !mayPass) throw err;
      await sleep(againMs, undefined, { signal: parts.signal });
    }
  }
  return undefined;
}

async function applyLogged(session: Session, manifest: Manifest, parts: StartManifests) {
  const { log, signal } = parts;
  try {
    const outcome = await applyPatiently(session, manifest, parts);
    if (outcome !== undefined) log.info({ outcome }, "applied a manifest");
  } catch (err) {
    if (signal.aborted) return;
    log.error({ err, at: manifest.where("") }, "cannot apply a manifest");
  }
}

/**
 * Applies objects in their order as `lighthouse apply` does, so that what people changed since stays
 * unless the files say otherwise. What is refused is logged and keeps nothing else from its place.
 */
export async function applyAtStart(parts: StartManifests): Promise<void> {
  const { manifests, kubeconfig, io } = parts;
  if (manifests.length === 0) return;
  const session = await connectTo({
    kubeconfig,
    context: undefined,
    namespace: undefined,
    showsPlans: false,
    io,
  });
  try {
    for (const manifest of manifests) await applyLogged(session, manifest, parts);
  } finally {
    await session.close();
  }
}
