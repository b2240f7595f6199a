import type { Writer } from "../../machinery/apply/update-owners.ts";
import { badRequest } from "../../machinery/errors.ts";
import { apiVersionOf, type Gvk, parseApiVersion } from "../../machinery/gvk.ts";
import { checkObjectSize } from "../../machinery/json-size.ts";
import { isObject, textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import type { Call } from "../objects/call.ts";
import { parseYaml } from "../objects/yaml-body.ts";
import { type Decoded, parseJson } from "../objects/json-body.ts";
import { isTrue } from "../objects/request-info.ts";
import type { Configuration } from "./apply.ts";
import { checkManager, writerOf } from "./field-manager.ts";

/** Reads an apply body: YAML, of which JSON is most of what comes. @throws StatusError `BadRequest` */
export function parseConfiguration(text: string): Decoded {
  return /^\s*\{/.test(text) ? parseJson(text) : parseYaml(text);
}

/**
 * Reads what somebody wants to apply to an object of type `gvk`.
 * @throws StatusError `BadRequest` for another type, `Invalid` without a manager,
 *   `RequestEntityTooLarge` for too many values
 */
export function readConfiguration(
  call: Call,
  { value, duplicates }: Decoded,
  gvk: Gvk,
): Configuration {
  checkManager(call, "PatchOptions", true);
  if (!isObject(value)) throw badRequest("error decoding patch: the body must be an object");
  checkType(value, gvk);
  checkObjectSize(value);
  const metadata = value["metadata"];
  if (isObject(metadata) && (metadata["managedFields"] ?? null) !== null) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const writer: Writer = writerOf(call);
  const force = isTrue(call.query.get("force"));
  return { config: value, duplicates, writer, force };
}

function checkType(value: JsonObject, gvk: Gvk): void {
  const apiVersion = textIn(value, "apiVersion");
  const kind = textIn(value, "kind");
  if (apiVersion === apiVersionOf(gvk) && kind === gvk.kind) return;
  const { group = "", version = "" } = parseApiVersion(apiVersion) ?? {};
  throw badRequest(`invalid object type: ${group}/${version}, Kind=${kind}`);
}
