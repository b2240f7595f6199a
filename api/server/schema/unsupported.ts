import { whyUnsupported } from "../../../crds/unsupported.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import { forbiddenValue } from "../../machinery/field-causes.ts";

/**
 * Of the unknown fields of a template of ours, those that Kubernetes knows and plain Docker cannot
 * honour, each with its reason. They are refused whatever `fieldValidation` says: to drop one
 * silently would run something else than what was asked for.
 */
export function unsupportedCauses(unknown: readonly string[]): readonly StatusCause[] {
  return unknown.flatMap((field) => {
    const why = whyUnsupported(field);
    return why === undefined
      ? []
      : [forbiddenValue(field, `not supported on plain Docker hosts: ${why}`)];
  });
}
