import { maxManagerLength } from "../../machinery/apply/owners.ts";
import type { Writer } from "../../machinery/apply/update-owners.ts";
import { invalid, type StatusCause } from "../../machinery/errors.ts";
import { forbiddenValue, invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import { apiVersionOf } from "../../machinery/gvk.ts";
import type { Call } from "../objects/call.ts";

// Letters, marks, numbers, punctuation, symbols and the space: what Go calls printable.
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Who writes through a call: the `fieldManager` of the query, else the start of the User-Agent. */
export function writerOf(call: Call): Writer {
  const named = call.query.get("fieldManager") ?? "";
  const manager = named === "" ? fromUserAgent(call.userAgent) : named;
  const { kind, subresource } = call;
  return { manager, apiVersion: apiVersionOf(kind), subresource };
}

function fromUserAgent(userAgent: string): string {
  let name = "";
  let bytes = 0;
  for (const character of userAgent.split("/", 1)[0] ?? "") {
    if (!printable.test(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > maxManagerLength) break;
    name += character;
  }
  return name === "" ? "unknown" : name;
}

/** What the options of a request are called in errors. */
export type OptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions";

/**
 * Checks what a request says about its manager.
 * @throws StatusError `Invalid` naming the parameter
 */
export function checkManager(call: Call, kind: OptionsKind, apply = false): void {
  const causes = [...forceCauses(call, apply), ...managerCauses(call, apply)];
  if (causes.length > 0) throw invalid({ group: "meta.k8s.io", kind }, "", causes);
}

function forceCauses({ query }: Call, apply: boolean): readonly StatusCause[] {
  if (apply || query.get("force") === undefined) return [];
  return [forbiddenValue("force", "may not be specified for non-apply patch")];
}

function managerCauses({ query }: Call, apply: boolean): readonly StatusCause[] {
  const manager = query.get("fieldManager") ?? "";
  if (apply && manager === "")
    return [requiredValue("fieldManager", "is required for apply patch")];
  const causes: StatusCause[] = [];
  if (Buffer.byteLength(manager) > maxManagerLength) {
    const message = `Too long: may not be more than ${maxManagerLength} bytes`;
    causes.push({ reason: "FieldValueTooLong", message, field: "fieldManager" });
  }
  let position = 0;
  for (const character of manager) {
    if (!printable.test(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      const detail = `invalid character U+${code} (at position ${position})`;
      causes.push(invalidValue("fieldManager", manager, detail));
    }
    position += Buffer.byteLength(character);
  }
  return causes;
}
