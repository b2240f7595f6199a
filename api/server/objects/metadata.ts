import { badRequest, type StatusCause } from "../../machinery/errors.ts";
import {
  labelValueProblems,
  qualifiedNameProblems,
  subdomainProblems,
} from "../../machinery/names.ts";
import type { WritableMeta } from "../kinds/kind.ts";

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isInteger: Check = (value) => Number.isInteger(value);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isTextMap: Check = (value) => isRecord(value) && Object.values(value).every(isText);
const isTextList: Check = (value) => Array.isArray(value) && value.every(isText);
const isRecordList: Check = (value) => Array.isArray(value) && value.every(isRecord);

const checks: Readonly<Record<keyof WritableMeta, readonly [Check, string]>> = {
  name: [isText, "string"],
  generateName: [isText, "string"],
  namespace: [isText, "string"],
  uid: [isText, "string"],
  resourceVersion: [isText, "string"],
  generation: [isInteger, "integer"],
  creationTimestamp: [isText, "time"],
  deletionTimestamp: [isText, "time"],
  deletionGracePeriodSeconds: [isInteger, "integer"],
  labels: [isTextMap, "map of strings"],
  annotations: [isTextMap, "map of strings"],
  finalizers: [isTextList, "list of strings"],
  ownerReferences: [isRecordList, "list of objects"],
  managedFields: [isRecordList, "list of objects"],
};

// Old clients still send it; it has no meaning any more.
const ignored = new Set(["selfLink"]);

/**
 * Metadata as a client sent it, reduced to the fields there are; `unknown` receives the paths of
 * the others. Null means absent.
 * @throws StatusError `BadRequest` when a field has the wrong type.
 */
export function readMetadata(raw: unknown, unknown: string[]): WritableMeta {
  if (raw === undefined || raw === null) return {};
  if (!isRecord(raw)) throw badRequest("Cannot read the object: metadata must be an object");
  const meta: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(raw)) {
    if (value === null || ignored.has(field)) continue;
    if (!Object.hasOwn(checks, field)) {
      unknown.push(`metadata.${field}`);
      continue;
    }
    const [holds, type] = checks[field as keyof WritableMeta];
    if (!holds(value))
      throw badRequest(`Cannot read the object: metadata.${field} must be ${type}`);
    meta[field] = value;
  }
  return meta;
}

/** Largest sum of all annotations, keys and values. */
export const maxAnnotationBytes = 256 * 1024;

const cause = (field: string, value: string, problem: string): StatusCause => ({
  reason: "FieldValueInvalid",
  message: `Invalid value: ${JSON.stringify(value)}: ${problem}`,
  field,
});

/** Everything wrong with a new object's name; `problemsOf` is the kind's rule. */
export function nameCauses(
  meta: WritableMeta,
  problemsOf: (name: string) => readonly string[] = subdomainProblems,
): readonly StatusCause[] {
  const { name } = meta;
  if (name === undefined || name === "") {
    const message = "Required value: name or generateName is required";
    return [{ reason: "FieldValueRequired", message, field: "metadata.name" }];
  }
  return problemsOf(name).map((problem) => cause("metadata.name", name, problem));
}

/** Everything wrong with the parts of metadata that a client may write at any time. */
export function metadataCauses(meta: WritableMeta): readonly StatusCause[] {
  return [
    ...labelCauses(meta),
    ...annotationCauses(meta),
    ...finalizerCauses(meta),
    ...ownerCauses(meta),
  ];
}

function labelCauses({ labels = {} }: WritableMeta): readonly StatusCause[] {
  const field = "metadata.labels";
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((problem) => cause(field, key, problem)),
    ...labelValueProblems(value).map((problem) => cause(field, value, problem)),
  ]);
}

function annotationCauses({ annotations }: WritableMeta): readonly StatusCause[] {
  if (annotations === undefined) return [];
  const field = "metadata.annotations";
  let bytes = 0;
  const causes: StatusCause[] = [];
  for (const [key, value] of Object.entries(annotations)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    // Upper case is tolerated in annotation keys, as it always was.
    const problems = qualifiedNameProblems(key.toLowerCase());
    causes.push(...problems.map((problem) => cause(field, key, problem)));
  }
  if (bytes > maxAnnotationBytes) {
    const message = `Too long: may not be more than ${maxAnnotationBytes} bytes`;
    causes.push({ reason: "FieldValueTooLong", message, field });
  }
  return causes;
}

function finalizerCauses({ finalizers = [] }: WritableMeta): readonly StatusCause[] {
  return finalizers.flatMap((finalizer) =>
    qualifiedNameProblems(finalizer).map((problem) =>
      cause("metadata.finalizers", finalizer, problem),
    ),
  );
}

const ownerFields = ["apiVersion", "kind", "name", "uid"] as const;

function ownerCauses({ ownerReferences = [] }: WritableMeta): readonly StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [index, owner] of ownerReferences.entries()) {
    for (const field of ownerFields) {
      const value: unknown = owner[field];
      if (typeof value === "string" && value !== "") continue;
      const path = `metadata.ownerReferences[${index}].${field}`;
      causes.push({ reason: "FieldValueRequired", message: "Required value", field: path });
    }
  }
  if (ownerReferences.filter(({ controller }) => controller === true).length > 1) {
    const message = "Invalid value: Only one reference can have Controller set to true";
    causes.push({ reason: "FieldValueInvalid", message, field: "metadata.ownerReferences" });
  }
  return causes;
}
