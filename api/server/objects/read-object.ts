import { badRequest, invalid } from "../../machinery/errors.ts";
import { checkObjectSize } from "../../machinery/json-size.ts";
import { apiVersionOf } from "../../machinery/gvk.ts";
import type { Body, JsonObject, Kind } from "../kinds/kind.ts";
import { unsupportedCauses } from "../schema/unsupported.ts";
import type { Call } from "./call.ts";
import { readMetadata } from "./metadata.ts";

/** An object as a client sent it, and the fields a strict reader refuses. */
export type Draft = {
  readonly object: Body;
  /** Grows while the object is pruned. */
  readonly unknown: string[];
  readonly duplicates: readonly string[];
};

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads the body as an object of the call's kind.
 * @throws StatusError `BadRequest` for another kind, version, namespace or name,
 *   `RequestEntityTooLarge` for too many values.
 */
export function readObject(call: Call): Draft {
  const { value, duplicates } = call.body();
  return toDraft(call, value, duplicates);
}

/** The same for a value that is decoded already, e.g. the outcome of a patch. It is changed. */
export function toDraft(call: Call, value: unknown, duplicates: readonly string[]): Draft {
  if (!isObject(value)) throw badRequest("Cannot read the object: the body must be a JSON object");
  checkType(call.kind, value);
  checkObjectSize(value);
  const unknown: string[] = [];
  const metadata = readMetadata(value["metadata"], unknown);
  const { kind } = call.kind;
  const object: Body = Object.assign(value, {
    apiVersion: apiVersionOf(call.kind),
    kind,
    metadata,
  });
  checkPlace(call, object);
  return { object, unknown, duplicates };
}

function checkType(kind: Kind, value: JsonObject): void {
  const wanted = apiVersionOf(kind);
  const { apiVersion, kind: given } = value;
  if (kind.custom && typeof given !== "string") {
    throw badRequest(`Object 'Kind' is missing in '${JSON.stringify(value).slice(0, 200)}'`);
  }
  if (given !== undefined && given !== "" && given !== kind.kind) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): ${JSON.stringify(given)} given`,
    );
  }
  if (apiVersion === undefined || apiVersion === "" || apiVersion === wanted) return;
  throw badRequest(
    `the API version in the data (${textOf(apiVersion)}) does not match the expected API version (${wanted})`,
  );
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);

function checkPlace(call: Call, { metadata }: Body): void {
  checkNamespace(call, metadata);
  if (call.name === "") return;
  if ((metadata.name ?? "") === "") metadata.name = call.name;
  if (metadata.name !== call.name) {
    throw badRequest(
      `the name of the object (${metadata.name ?? ""}) does not match the name on the URL (${call.name})`,
    );
  }
}

function checkNamespace({ kind, namespace }: Call, metadata: Body["metadata"]): void {
  if (!kind.namespaced) {
    delete metadata.namespace;
    return;
  }
  if ((metadata.namespace ?? "") === "") metadata.namespace = namespace;
  if (metadata.namespace === namespace) return;
  throw badRequest(
    "the namespace of the provided object does not match the namespace sent on the request",
  );
}

/** @throws StatusError `Invalid` for what a template of ours must not ask of a Docker host */
export function refuseUnsupported({ kind }: Call, { object, unknown }: Draft): void {
  if (kind.group !== "lighthouse.dev" || unknown.length === 0) return;
  const causes = unsupportedCauses(unknown);
  if (causes.length > 0) throw invalid(kind, object.metadata.name ?? "", causes);
}

// As Kubernetes' strict decoder: the rest would tell no more.
const maxProblems = 100;

/**
 * Treats unknown and duplicate fields as `fieldValidation` asks: refused, warned of or ignored.
 * Fields of a template that plain Docker cannot honour are refused in any case.
 * @throws StatusError `BadRequest`, or `Invalid` with one cause for each of the latter
 */
export function judgeFields(call: Call, draft: Draft): void {
  refuseUnsupported(call, draft);
  const { unknown, duplicates } = draft;
  const mode = call.query.get("fieldValidation") ?? "";
  if (mode !== "" && mode !== "Strict" && mode !== "Warn" && mode !== "Ignore") {
    throw badRequest(
      `Invalid value for fieldValidation: "${mode}": supported: "Ignore", "Strict", "Warn"`,
    );
  }
  if (mode === "Ignore" || unknown.length + duplicates.length === 0) return;
  const problems = [
    ...unknown.slice(0, maxProblems).map((path) => `unknown field ${JSON.stringify(path)}`),
    ...duplicates.slice(0, maxProblems).map((path) => `duplicate field ${JSON.stringify(path)}`),
  ].slice(0, maxProblems);
  if (mode === "Strict") {
    const { kind, version } = call.kind;
    throw badRequest(
      `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${problems.join(", ")}`,
    );
  }
  for (const problem of problems) call.warn(problem);
}
