import type { StatusCause } from "../../machinery/errors.ts";
import { forbiddenValue, invalidValue } from "../../machinery/field-causes.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { objectIn, textIn } from "./fill.ts";
import type { Body } from "./kind.ts";

function validate(object: Body): readonly StatusCause[] {
  const spec = objectIn(object, "spec") ?? {};
  const { leaseDurationSeconds: duration, leaseTransitions: transitions } = spec;
  const causes: StatusCause[] = [];
  if (textIn(spec, "preferredHolder") !== "" && textIn(spec, "strategy") === "") {
    const why = "may only be specified when `strategy` is defined";
    causes.push(forbiddenValue("spec.preferredHolder", why));
  }
  if (typeof duration === "number" && duration <= 0) {
    causes.push(invalidValue("spec.leaseDurationSeconds", duration, "must be greater than 0"));
  }
  if (typeof transitions === "number" && transitions < 0) {
    const detail = "must be greater than or equal to 0";
    causes.push(invalidValue("spec.leaseTransitions", transitions, detail));
  }
  return causes;
}

/** coordination.k8s.io/v1 Lease: who leads, and whether a node is alive. */
export const leaseKind: BuiltIn = {
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
  definition: "io.k8s.api.coordination.v1.Lease",
  columns: [
    nameColumn,
    column("Holder", (object) => textIn(objectIn(object, "spec"), "holderIdentity")),
    ageColumn,
  ],
  strategy: { validate },
};
