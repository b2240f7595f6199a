import { badRequest, invalid, isInvalid, unsupportedMediaType } from "../../machinery/errors.ts";
import { applyJsonPatch } from "../../machinery/patch-json.ts";
import { applyMergePatch } from "../../machinery/patch-merge.ts";
import { applyStrategicPatch } from "../../machinery/patch-strategic.ts";
import type { Item } from "../../store/item.ts";
import { isObject } from "../kinds/fill.ts";
import type { JsonObject, Kind, PatchType } from "../kinds/kind.ts";
import { applyNew, applyTo } from "../fields/apply.ts";
import { parseConfiguration, readConfiguration } from "../fields/apply-patch.ts";
import { checkManager } from "../fields/field-manager.ts";
import { type Call, isDryRun } from "./call.ts";
import { mediaTypeOf } from "./codec.ts";
import { type Decoded, parseJson, withDuplicates } from "./json-body.ts";
import { toDraft } from "./read-object.ts";
import { changeItem } from "./storage.ts";
import { shownForm } from "./versions.ts";
import { checkUnmoved, existing, keyOfCall, nextState } from "./update.ts";

/** Content types of patches. */
export const patchMediaTypes: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

/** A patch of which the type is known and the body is read. */
export type ReadPatch = Decoded & { readonly type: PatchType };

/**
 * Reads a PATCH body.
 * @throws StatusError `UnsupportedMediaType` naming those that the kind takes, `BadRequest`.
 */
export function readPatch({ kind, contentType, rawBody, duplicates }: Call): ReadPatch {
  const media = mediaTypeOf(contentType);
  const type = kind.patchTypes.find((candidate) => patchMediaTypes[candidate] === media);
  if (type === undefined) throw unsupportedMediaType(media, acceptedTypes(kind));
  const text = (rawBody ?? Buffer.alloc(0)).toString();
  const decoded = type === "apply" ? parseConfiguration(text) : parseJson(text);
  return { type, ...withDuplicates(decoded, duplicates) };
}

const acceptedTypes = (kind: Kind): readonly string[] =>
  kind.patchTypes.map((type) => patchMediaTypes[type]);

/**
 * Applies a patch to a state and returns the new one. `kind` names the merge keys of a strategic
 * patch, e.g. `Pod`.
 * @throws StatusError `BadRequest` for a malformed patch, `Invalid` for one that does not fit.
 */
export function applyPatch(patch: ReadPatch, kind: string, current: JsonObject): unknown {
  switch (patch.type) {
    case "json":
      return applyJsonPatch(current, patch.value);
    case "merge":
      if (!isObject(patch.value)) {
        throw badRequest("Cannot apply the merge patch: it must be a JSON object");
      }
      return applyMergePatch(current, patch.value);
    case "strategic":
      return applyStrategicPatch(kind, current, patch.value);
    case "apply":
      throw unsupportedMediaType(patchMediaTypes.apply, [patchMediaTypes.merge]); // not a patch of a value
  }
}

/** The outcome of a PATCH. */
export type Patched = { readonly item: Item; readonly created: boolean };

/**
 * PATCH of an object or its status; repeated on conflicts unless the patch names a version.
 * Only server-side apply creates an object that is not there.
 */
export async function patchObject(call: Call): Promise<Patched> {
  const patch = readPatch(call);
  if (patch.type === "apply") return applyObject(call, patch);
  checkManager(call, "PatchOptions");
  const { item } = await changeItem(
    call.storage,
    keyOfCall(call),
    (current) => {
      const found = existing(call, current);
      const patched = patchedFields(call, patch, found);
      const draft = toDraft(call, patched, patch.duplicates);
      checkUnmoved(call, draft.object.metadata, found);
      return nextState(call, draft, found);
    },
    { dryRun: isDryRun(call) },
  );
  return { item, created: false };
}

async function applyObject(call: Call, patch: ReadPatch): Promise<Patched> {
  const configuration = readConfiguration(call, patch, call.kind);
  let created = false;
  const { item } = await changeItem(
    call.storage,
    keyOfCall(call),
    (current) => {
      created = current === undefined;
      return current === undefined
        ? applyNew(call, configuration)
        : applyTo(call, current, configuration);
    },
    { dryRun: isDryRun(call) },
  );
  return { item, created };
}

function patchedFields(call: Call, patch: ReadPatch, found: Item): JsonObject {
  // A fresh copy: strategies change what they are given, and the cached object is shared.
  const copy = JSON.parse(shownForm(call.kind, found).bytes.toString()) as JsonObject;
  try {
    const patched = applyPatch(patch, call.kind.kind, copy);
    if (isObject(patched)) return { ...patched };
  } catch (err) {
    if (!(err instanceof Error) || !isInvalid(err)) throw err;
    throw invalid(call.kind, call.name, [{ reason: "FieldValueInvalid", message: err.message }]);
  }
  throw badRequest("Cannot apply the patch: the result is no object");
}
