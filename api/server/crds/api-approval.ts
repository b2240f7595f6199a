import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import type { Crd } from "./crd.ts";

const annotation = "api-approved.kubernetes.io";

/** The approval as a CRD shows it; two of the same state need no second look. */
type Approval = "approved" | "bypassed" | "missing" | "invalid";

/** Groups that belong to the Kubernetes community. */
function isProtected(group: string): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(group);
}

function approvalOf({ metadata }: Crd): Approval {
  const value = metadata.annotations?.[annotation] ?? "";
  if (value === "") return "missing";
  if (value.startsWith("unapproved")) return "bypassed";
  if (!URL.canParse(value)) return "invalid";
  const { host } = new URL(value);
  return host === "" ? "invalid" : "approved";
}

/**
 * CRDs in a group of the Kubernetes community must say where their API was approved
 * (https://github.com/kubernetes/enhancements/pull/1111): nobody shall pass for it by accident.
 */
export function approvalCauses(crd: Crd, before: Crd | undefined): readonly StatusCause[] {
  if (!isProtected(crd.spec.group)) return [];
  const state = approvalOf(crd);
  if (before !== undefined && approvalOf(before) === state) return [];
  const field = `metadata.annotations[${annotation}]`;
  if (state === "missing") {
    const detail =
      'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111';
    return [requiredValue(field, detail)];
  }
  if (state !== "invalid") return [];
  const value = crd.metadata.annotations?.[annotation] ?? "";
  const detail = `protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`;
  return [invalidValue(field, value, detail)];
}
