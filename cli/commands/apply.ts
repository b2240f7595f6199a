import { type ResourceType, parseApiVersion } from "../../api/machinery/gvk.ts";
import { isNotFound, StatusError } from "../../api/machinery/errors.ts";
import type { AnyObject, ObjectKey } from "../../api/machinery/object.ts";
import { applications, type Resource } from "../../api/machinery/resources.ts";
import type { Application } from "../../crds/types.gen.ts";
import { type Call, durationMs, Misuse, type Run, type Session, texts } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { findKind, kindText } from "../kinds.ts";
import { followRollout } from "../live/follow-rollout.ts";
import { type Manifest, readManifests } from "../manifest.ts";
import { paint } from "../output.ts";
import { threeWayPatch } from "../three-way.ts";

/** Where client-side apply remembers what a file said; the same as kubectl's, so both can be mixed. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

type Target = {
  readonly manifest: Manifest;
  readonly type: Resource<AnyObject>;
  readonly key: ObjectKey;
  readonly label: string;
};
type Outcome = {
  readonly done: "created" | "configured" | "unchanged";
  /** As the server has it now. */
  readonly object: AnyObject;
};

function labelOf(type: ResourceType, name: string): string {
  return `${kindText(type)}/${name}`;
}

async function targetOf(session: Session, manifest: Manifest): Promise<Target> {
  const { apiVersion, kind, metadata } = manifest.object;
  const { group, version } = parseApiVersion(apiVersion) ?? { group: "", version: apiVersion };
  const type = await findKind(session, group, version, kind);
  if (type === undefined) {
    throw new Error(
      `${manifest.where("kind")}: the server has no kind ${kind} in ${apiVersion}: see "lighthouse get crd"`,
    );
  }
  const namespace = metadata.namespace ?? session.namespace;
  const key = type.namespaced ? { namespace, name: metadata.name } : { name: metadata.name };
  return { manifest, type, key, label: labelOf(type, metadata.name) };
}

/** The object as it is sent: in its namespace, remembering what the file said. */
function draftOf({ manifest, key }: Target): Manifest["object"] {
  const { metadata, ...rest } = manifest.object;
  const placed = {
    ...metadata,
    ...(key.namespace === undefined ? {} : { namespace: key.namespace }),
  };
  const { [lastApplied]: _old, ...annotations } = metadata.annotations ?? {};
  const said = JSON.stringify({ ...rest, metadata: { ...placed, annotations } });
  return {
    ...rest,
    metadata: { ...placed, annotations: { ...annotations, [lastApplied]: `${said}\n` } },
  };
}

function rememberedIn(live: AnyObject): Readonly<Record<string, unknown>> {
  const said = live.metadata.annotations?.[lastApplied];
  if (said === undefined) return {};
  try {
    return JSON.parse(said) as Readonly<Record<string, unknown>>;
  } catch {
    return {}; // somebody edited the annotation: nothing is removed on its account
  }
}

async function applyOne(session: Session, target: Target, dryRun: boolean): Promise<Outcome> {
  const { client } = session;
  const options = { fieldValidation: "Strict", dryRun } as const;
  const draft = draftOf(target);
  const live = await client.get(target.type, target.key);
  if (live === undefined) {
    return { done: "created", object: await client.create(target.type, draft, options) };
  }
  const body = threeWayPatch(rememberedIn(live), draft, live);
  if (body === undefined) return { done: "unchanged", object: live };
  const object = await client.patch(target.type, target.key, { type: "merge", body }, options);
  return { done: "configured", object };
}

/** The server's objection with the lines of the file that it is about. */
function located({ manifest, label }: Target, err: unknown): Error {
  if (!(err instanceof StatusError)) return err instanceof Error ? err : new Error(String(err));
  const causes = err.details?.causes ?? [];
  const unknown = [...err.message.matchAll(/(?:unknown|duplicate) field "([^"]+)"/g)];
  const lines = [
    ...causes.map(({ field = "", message }) => `  ${manifest.where(field)}: ${field}: ${message}`),
    ...unknown.map(([what, field = ""]) => `  ${manifest.where(field)}: ${what}`),
  ];
  const head = `${manifest.file}:${manifest.line}: ${label} was refused`;
  if (lines.length === 0) return new Error(`${head}: ${err.message}`, { cause: err });
  return new Error(`${head}:\n${lines.join("\n")}`, { cause: err });
}

/** Asks the server about every object before the first one is written: a file that is half good
 * changes nothing. What a document of the same file only just creates cannot be asked about. */
async function checkAll(session: Session, targets: readonly Target[]): Promise<void> {
  const namespaces = new Set(
    targets.filter(({ type }) => type.kind === "Namespace").map(({ key }) => key.name),
  );
  const errors: Error[] = [];
  for (const target of targets) {
    await applyOne(session, target, true).catch((err: unknown) => {
      const isNew = namespaces.has(target.key.namespace ?? "");
      if (!(isNotFound(err) && isNew)) errors.push(located(target, err));
    });
  }
  if (errors.length === 0) return;
  const refused = errors.map(({ message }) => message).join("\n");
  const all = targets.length === 1 ? "Nothing was applied" : "None of the objects was applied";
  throw new Error(`${refused}\n${all}`);
}

async function applyAll(call: Call, targets: readonly Target[]): Promise<readonly Outcome[]> {
  const session = await call.connect();
  const outcomes: Outcome[] = [];
  for (const [index, target] of targets.entries()) {
    const outcome = await applyOne(session, target, false).catch((err: unknown) => {
      const left = targets.slice(index + 1).map(({ label }) => label);
      const rest = left.length === 0 ? "" : `\nNot applied after it: ${left.join(", ")}`;
      throw new Error(`${located(target, err).message}${rest}`, { cause: err });
    });
    const style = outcome.done === "unchanged" ? "dim" : "green";
    call.io.out(`${target.label} ${paint(call.io, style, outcome.done)}\n`);
    outcomes.push(outcome);
  }
  return outcomes;
}

/** One after the other; the first verdict that is bad decides, and the others are still told. */
async function waitForAll(
  call: Call,
  targets: readonly Target[],
  outcomes: readonly Outcome[],
): Promise<number> {
  const timeoutMs = durationMs(call.flags, "timeout");
  let code: number = exitCode.done;
  for (const [index, { type, key }] of targets.entries()) {
    const object = outcomes[index]?.object;
    if (type.group !== applications.group || type.kind !== applications.kind) continue;
    const template = (object as Application | undefined)?.spec.template;
    const verdict = await followRollout(call, key, { timeoutMs, template });
    if (code === exitCode.done) code = verdict;
  }
  return code;
}

/** `lighthouse apply`. */
export const runApply: Run = async (call) => {
  const files = texts(call.flags, "filename");
  if (files.length === 0) throw new Misuse("Missing -f FILE");
  if (call.args.length > 0) {
    throw new Misuse(`Unexpected argument "${call.args[0] ?? ""}": name files with -f`);
  }
  const manifests = await readManifests(files, call.io);
  const session = await call.connect();
  const targets: Target[] = [];
  for (const manifest of manifests) targets.push(await targetOf(session, manifest));
  await checkAll(session, targets);
  if (call.flags["dry-run"] === true) {
    for (const { label } of targets) call.io.out(`${label} would be applied (dry run)\n`);
    return 0;
  }
  const outcomes = await applyAll(call, targets);
  return call.flags["wait"] === true ? waitForAll(call, targets, outcomes) : exitCode.done;
};
