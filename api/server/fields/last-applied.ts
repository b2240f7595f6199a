import type { Conflict } from "../../machinery/apply/apply-config.ts";
import { compareFields } from "../../machinery/apply/compare.ts";
import { difference, emptySet, type FieldSet, hasPath } from "../../machinery/apply/field-set.ts";
import type { FieldType } from "../../machinery/apply/field-type.ts";
import { appliedFields } from "../../machinery/apply/fields-of.ts";
import { UntellableItem } from "../../machinery/apply/list-items.ts";
import { canonicalJson, isJsonObject, type JsonObject } from "../../machinery/equality.ts";
import { maxAnnotationBytes } from "../objects/metadata.ts";

/** Where `kubectl apply` without server-side apply remembers what it applied. */
const annotation = "kubectl.kubernetes.io/last-applied-configuration";

/** The only manager that is known to have written the annotation itself. */
export const kubectlManager = "kubectl";

function annotationsOf(object: unknown): JsonObject {
  const metadata = isJsonObject(object) ? object["metadata"] : undefined;
  const annotations = isJsonObject(metadata) ? metadata["annotations"] : undefined;
  return isJsonObject(annotations) ? annotations : {};
}

function lastApplied(object: unknown): string {
  const value = annotationsOf(object)[annotation];
  return typeof value === "string" ? value : "";
}

/**
 * Conflicts that count for kubectl: not those about fields that the live object still has as
 * kubectl applied them before it knew of server-side apply.
 */
export function countingConflicts(
  conflicts: readonly Conflict[],
  live: unknown,
  type: FieldType,
): readonly Conflict[] {
  const own = unchangedSince(live, type);
  return conflicts.filter(({ path }) => !hasPath(own, path));
}

function unchangedSince(live: unknown, type: FieldType): FieldSet {
  const text = lastApplied(live);
  if (text === "") return emptySet;
  try {
    const last: unknown = JSON.parse(text);
    if (!isJsonObject(last) || !isJsonObject(live) || last["apiVersion"] !== live["apiVersion"]) {
      return emptySet;
    }
    const { added, removed, modified } = compareFields(last, live, type);
    const fields = appliedFields(last, type);
    return difference(difference(difference(fields, modified), added), removed);
  } catch (err) {
    if (err instanceof SyntaxError || err instanceof UntellableItem) return emptySet;
    throw err;
  }
}

/**
 * The object with the annotation brought to what was applied now, if it has one: client-side
 * apply can then be used again.
 */
export function withLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  const old = lastApplied(object);
  if (old === "") return object;
  const text = `${canonicalJson(withoutAnnotation(config))}\n`;
  if (text === old) return object;
  const { [annotation]: _old, ...others } = annotationsOf(object);
  const annotations =
    bytesOf(others) + text.length > maxAnnotationBytes ? others : { ...others, [annotation]: text };
  return { ...object, metadata: { ...(object["metadata"] as JsonObject), annotations } };
}

function withoutAnnotation(config: JsonObject): JsonObject {
  const { metadata } = config;
  if (!isJsonObject(metadata) || !isJsonObject(metadata["annotations"])) return config;
  const { [annotation]: _own, ...annotations } = metadata["annotations"];
  return { ...config, metadata: { ...metadata, annotations } };
}

const bytesOf = (annotations: JsonObject): number =>
  Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );
