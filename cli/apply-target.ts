import { equalJson } from "../api/machinery/equality.ts";
import { StatusError } from "../api/machinery/errors.ts";
import { type ResourceType, parseApiVersion } from "../api/machinery/gvk.ts";
import type { AnyObject, ObjectKey } from "../api/machinery/object.ts";
import type { Resource } from "../api/machinery/resources.ts";
import type { Session } from "./command.ts";
import { findKind, kindText } from "./kinds.ts";
import type { Manifest } from "./manifest.ts";
import { threeWayPatch } from "./three-way.ts";

/** Where client-side apply remembers what a file said; the same as kubectl's, so both can be mixed. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** One document of a file and the object that it is about. */
export type Target = {
  readonly manifest: Manifest;
  readonly type: Resource<AnyObject>;
  readonly key: ObjectKey;
  /** e.g. `application.lighthouse.dev/web`. */
  readonly label: string;
};
/** What applying a document did, or would do. */
export type Outcome = {
  readonly done: "created" | "configured" | "unchanged";
  /** As the server has it now. */
  readonly object: AnyObject;
};

function labelOf(type: ResourceType, name: string): string {
  return `${kindText(type)}/${name}`;
}

/** The object that a document is about. @throws Error naming the line when the server lacks the kind */
export async function targetOf(session: Session, manifest: Manifest): Promise<Target> {
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

/** Whether a write left everything as it was but the bookkeeping. */
function isSame(before: AnyObject, after: AnyObject): boolean {
  const essence = ({ metadata, ...rest }: AnyObject): unknown => {
    const { resourceVersion: _version, managedFields: _fields, ...kept } = metadata;
    return { ...rest, metadata: kept };
  };
  return equalJson(essence(before), essence(after));
}

/** Applies one document as client-side apply does. @throws StatusError */
export async function applyTarget(
  session: Session,
  target: Target,
  dryRun: boolean,
): Promise<Outcome> {
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
  // A list is one value: one that the server completed with defaults is sent again, and is the same.
  return { done: isSame(live, object) ? "unchanged" : "configured", object };
}

/** The server's objection with the lines of the file that it is about. */
export function located({ manifest, label }: Target, err: unknown): Error {
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
