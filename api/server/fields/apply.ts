import { applyConfig } from "../../machinery/apply/apply-config.ts";
import { conflictCauses, conflictMessage } from "../../machinery/apply/conflict-text.ts";
import { UntellableItem } from "../../machinery/apply/list-items.ts";
import { decodeOwners, encodeOwners, noOwners, type Owners } from "../../machinery/apply/owners.ts";
import type { Writer } from "../../machinery/apply/update-owners.ts";
import { configProblems } from "../../machinery/apply/validate.ts";
import type { JsonObject as SharedObject } from "../../machinery/equality.ts";
import { badRequest, conflict, notFound, StatusError } from "../../machinery/errors.ts";
import type { AnyObject, ManagedFieldsEntry } from "../../machinery/object.ts";
import type { Item } from "../../store/item.ts";
import { isObject } from "../kinds/fill.ts";
import type { Body, JsonObject, Kind } from "../kinds/kind.ts";
import type { Call } from "../objects/call.ts";
import { newObject } from "../objects/create.ts";
import { judgeFields, refuseUnsupported, toDraft } from "../objects/read-object.ts";
import { type Next, write } from "../objects/storage.ts";
import { checkUnmoved, nextState } from "../objects/update.ts";
import { shownForm, storedForm } from "../objects/versions.ts";
import { countingConflicts, kubectlManager, withLastApplied } from "./last-applied.ts";
import { blankOf, hasStatus, ownersAfter, rulesOf, stamped } from "./tracking.ts";

/** What somebody applies. */
export type Configuration = {
  readonly config: JsonObject;
  /** Fields that the body had twice. */
  readonly duplicates: readonly string[];
  readonly writer: Writer;
  /** Take over fields that others own. */
  readonly force: boolean;
};

/**
 * The new object that a configuration makes, when there is none yet.
 * @throws StatusError `Forbidden` when the user may not create it; `NotFound` on a subresource
 */
export async function applyNew(call: Call, configuration: Configuration): Promise<Next> {
  const { kind, name, subresource } = call;
  if (subresource !== "") throw notFound(kind, name);
  await call.mustAllow("create");
  const { config, writer, duplicates } = configuration;
  checkConfig(call, config);
  const live = { apiVersion: config["apiVersion"], kind: config["kind"] };
  const applied = applyConfig(noOwners, { live, config }, { writer, rules: rulesOf(call) });
  const entries = encodeOwners(stamped(applied.owners, applied.id, call));
  const draft = toDraft(call, freshCopy(written(writer, config, config)), duplicates);
  const { uid = "", resourceVersion = "" } = draft.object.metadata;
  if (uid !== "") {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(kind, name, why);
  }
  if (resourceVersion !== "") throw conflict(kind, name);
  const object = await newObject(call, draft, () => entries);
  return write("put", storedForm(kind, object));
}

/**
 * What a configuration makes of an object. It is kept as it is when the configuration changes
 * neither the object nor who owns what.
 * @throws StatusError `Conflict` with a cause for each field that others own
 */
export async function applyTo(
  call: Call,
  found: Item,
  configuration: Configuration,
): Promise<Next> {
  const { config, writer, duplicates } = configuration;
  checkConfig(call, config);
  const { managedFields: before, ...metadata } = shownForm(call.kind, found).object.metadata;
  const live = { ...shownForm(call.kind, found).object, metadata };
  const effective = writer.subresource === "scale" ? config : forEndpoint(call, config);
  const applied = settle(call, live, { ...configuration, config: effective, before });
  const object = written(writer, applied.object as SharedObject, config);
  const entries = encodeOwners(applied.owners);
  if (object === live && sameEntries(entries, before)) {
    judgeFields(call, { object: config as Body, unknown: [], duplicates });
    return { does: "keep", item: found };
  }
  const draft = toDraft(call, freshCopy(object), duplicates);
  checkUnmoved(call, draft.object.metadata, found);
  const after = encodeOwners(stamped(applied.owners, applied.id, call));
  return nextState(call, draft, found, () => after);
}

type Settling = Configuration & { readonly before: readonly ManagedFieldsEntry[] | undefined };

function settle(
  call: Call,
  live: SharedObject,
  { config, writer, force, before }: Settling,
): ReturnType<typeof applyConfig> {
  const rules = rulesOf(call);
  const stored = decodeOwners(before, true);
  const owners = stored.size > 0 ? stored : beforeFirstApply(call, live, writer);
  const applied = inWords(call, () => applyConfig(owners, { live, config }, { writer, rules }));
  const counting =
    writer.manager === kubectlManager
      ? countingConflicts(applied.conflicts, live, call.fieldTypes.of(call.kind))
      : applied.conflicts;
  if (!force && counting.length > 0) {
    const causes = conflictCauses(counting);
    throw new StatusError("Conflict", conflictMessage(counting), { details: { causes } });
  }
  return applied;
}

/** Fields that nobody owns belong to whoever wrote them before anybody applied. */
function beforeFirstApply(
  call: Call,
  live: SharedObject,
  { apiVersion, subresource }: Writer,
): Owners {
  const writer = { manager: "before-first-apply", apiVersion, subresource };
  const change = { before: blankOf(call.kind, live as AnyObject), after: live };
  return inWords(call, () => ownersAfter(noOwners, change, { writer, call }));
}

/** A stored list that tells its items apart no more is the object's fault, and its user's to mend. */
function inWords<T>(call: Call, compute: () => T): T {
  try {
    return compute();
  } catch (err) {
    if (!(err instanceof UntellableItem)) throw err;
    throw badRequest(`failed to create typed live object (${subjectOf(call)}): ${err.message}`);
  }
}

/** Kubectl keeps its annotation as the new configuration would have it. */
function written(writer: Writer, object: SharedObject, config: SharedObject): SharedObject {
  const own = writer.manager === kubectlManager && writer.subresource === "";
  return own ? withLastApplied(object, config) : object;
}

/** The part of a configuration that an endpoint looks at. */
function forEndpoint(call: Call, config: JsonObject): JsonObject {
  const { kind, subresource } = call;
  const metadata = { ...(isObject(config["metadata"]) ? config["metadata"] : {}) };
  // Generated manifests say so of a time that the server sets.
  if (metadata["creationTimestamp"] === null) delete metadata["creationTimestamp"];
  if (subresource === "") {
    const { status: _status, ...rest } = config;
    return { ...(hasStatus(kind) ? rest : config), metadata };
  }
  const { apiVersion, kind: name } = config;
  const guards = picked(metadata, ["resourceVersion", "uid"]);
  return { apiVersion, kind: name, metadata: guards, ...partOf(subresource, config) };
}

/** What a subresource is about. */
function partOf(subresource: string, config: JsonObject): JsonObject {
  if (subresource !== "ephemeralcontainers") return picked(config, ["status"]);
  const { spec } = config;
  return isObject(spec) ? { spec: picked(spec, ["ephemeralContainers"]) } : {};
}

const picked = (object: JsonObject, fields: readonly string[]): JsonObject =>
  Object.fromEntries(
    fields.flatMap((field) => (object[field] === undefined ? [] : [[field, object[field]]])),
  );

const freshCopy = (object: unknown): unknown => JSON.parse(JSON.stringify(object));

function sameEntries(
  left: readonly ManagedFieldsEntry[] | undefined,
  right: readonly ManagedFieldsEntry[] | undefined,
): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.length === right.length && left.every((entry, index) => entry === right[index]);
}

const gvkText = ({ group, version, kind }: Pick<Kind, "group" | "version" | "kind">): string =>
  `${group}/${version}, Kind=${kind}`;

const subjectOf = ({ namespace, name, kind }: Call): string =>
  `${namespace}/${name}; ${gvkText(kind)}`;

/**
 * Checks a configuration before it is merged.
 * @throws StatusError `BadRequest`; `Invalid` for fields that plain Docker cannot honour
 */
function checkConfig(call: Call, config: JsonObject): void {
  const problems = configProblems(config, call.fieldTypes.of(call.kind));
  if (problems.length === 0) return;
  if (call.kind.custom) {
    const draft = toDraft(call, freshCopy(config), []);
    for (const path of call.kind.strategy.prune(draft.object)) draft.unknown.push(path);
    refuseUnsupported(call, draft);
  }
  const text = problems.length === 1 ? problems.join("") : ["errors:", ...problems].join("\n  ");
  throw badRequest(`failed to create typed patch object (${subjectOf(call)}): ${text}`);
}
