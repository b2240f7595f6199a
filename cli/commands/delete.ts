import { parseApiVersion, type ResourceType } from "../../api/machinery/gvk.ts";
import { timedOut } from "../../api/machinery/errors.ts";
import type { AnyObject, ObjectKey } from "../../api/machinery/object.ts";
import type { Resource } from "../../api/machinery/resources.ts";
import { type Call, durationMs, Misuse, type Run, texts } from "../command.ts";
import { follow } from "../follow.ts";
import { findKind, kindText, namedBy } from "../kinds.ts";
import { readManifests } from "../manifest.ts";

type Target = { readonly type: Resource<AnyObject>; readonly key: ObjectKey };

const labelOf = (type: ResourceType, name: string): string => `${kindText(type)} "${name}"`;

async function fromFiles(call: Call, files: readonly string[]): Promise<readonly Target[]> {
  const session = await call.connect();
  const targets: Target[] = [];
  for (const manifest of await readManifests(files, call.io)) {
    const { object } = manifest;
    const { group, version } = parseApiVersion(object.apiVersion) ?? { group: "", version: "" };
    const type = await findKind(session, group, version, object.kind);
    if (type === undefined) {
      throw new Error(
        `${manifest.where("kind")}: the server has no kind ${object.kind} in ${object.apiVersion}`,
      );
    }
    const { name, namespace = session.namespace } = object.metadata;
    targets.push({ type, key: type.namespaced ? { namespace, name } : { name } });
  }
  return targets.reverse(); // what was created last goes first
}

async function fromArguments(call: Call): Promise<readonly Target[]> {
  const session = await call.connect();
  const { namespace } = session;
  return (await namedBy(session, call.args)).map(({ type, name }) => {
    if (name === undefined) {
      throw new Misuse(`Missing NAME: which of the ${type.plural} shall be deleted`);
    }
    return { type, key: type.namespaced ? { namespace, name } : { name } };
  });
}

/** Resolves when the object of this uid is gone. */
async function waitUntilGone(
  call: Call,
  { type, key }: Target,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  const { client } = await call.connect();
  for await (const object of follow(client, type, key, signal)) {
    if (object?.metadata.uid !== uid) return;
  }
}

async function deleteOne(call: Call, target: Target, timeoutMs: number): Promise<void> {
  const { client } = await call.connect();
  const { type, key } = target;
  const live = await client.get(type, key, call.signal);
  if (live === undefined) throw new Error(`${labelOf(type, key.name)} not found`);
  const { uid } = live.metadata;
  await client.delete(type, key, { propagationPolicy: "Background", preconditions: { uid } });
  call.io.out(`${labelOf(type, key.name)} deleted\n`);
  if (call.flags["no-wait"] === true) return;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([call.signal, deadline]);
  await waitUntilGone(call, target, uid, signal).catch((err: unknown) => {
    if (!deadline.aborted) throw err;
    const finalizers = live.metadata.finalizers?.join(", ") ?? "none";
    throw timedOut(
      `${labelOf(type, key.name)} is still being deleted after ${timeoutMs / 1000} s, finalizers: ${finalizers}`,
      { cause: err },
    );
  });
}

/** `lighthouse delete`. */
export const runDelete: Run = async (call) => {
  const files = texts(call.flags, "filename");
  if (files.length > 0 && call.args.length > 0)
    throw new Misuse("Give either -f FILE or TYPE NAME");
  if (files.length === 0 && call.args.length === 0)
    throw new Misuse("Missing TYPE NAME, or -f FILE");
  const targets = files.length > 0 ? await fromFiles(call, files) : await fromArguments(call);
  const timeoutMs = durationMs(call.flags, "timeout") ?? 300_000;
  let code = 0;
  for (const target of targets) {
    await deleteOne(call, target, timeoutMs).catch((err: unknown) => {
      if (call.signal.aborted) throw err;
      call.io.err(`error: ${err instanceof Error ? err.message : String(err)}\n`);
      code = 1;
    });
  }
  return code;
};
