import { bindingCauses, policyCauses } from "../admission/policies/validate.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { fill, isObject, objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";
import type { AnyObject } from "../../machinery/object.ts";

const group = "admissionregistration.k8s.io";
const home = "io.k8s.api.admissionregistration.v1";

function fillMatch(resources: JsonObject | undefined): void {
  if (resources === undefined) return;
  fill(resources, { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} });
  for (const list of ["resourceRules", "excludeResourceRules"])
    for (const rule of objectsIn(resources, list)) rule["scope"] ??= "*";
}

const specOf = (object: AnyObject | Body): JsonObject =>
  isObject(object["spec"]) ? object["spec"] : {};

const unset = "<unset>";

function kindText(policy: AnyObject): string {
  const kind = objectIn(specOf(policy), "paramKind");
  return kind === undefined ? unset : `${textIn(kind, "apiVersion")}/${textIn(kind, "kind")}`;
}

function refText(binding: AnyObject): string {
  const ref = objectIn(specOf(binding), "paramRef");
  if (ref === undefined) return unset;
  const [namespace, name] = [textIn(ref, "namespace"), textIn(ref, "name")];
  const which = name === "" ? "*" : name;
  return namespace === "" ? which : `${namespace}/${which}`;
}

/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy: what writes must meet, in CEL. */
export const admissionPolicyKind: BuiltIn = {
  group,
  version: "v1",
  kind: "ValidatingAdmissionPolicy",
  plural: "validatingadmissionpolicies",
  namespaced: false,
  shortNames: ["vap"],
  categories: ["api-extensions"],
  definition: `${home}.ValidatingAdmissionPolicy`,
  status: true,
  generation: true,
  settles: true,
  columns: [
    nameColumn,
    column("Validations", (policy) => objectsIn(specOf(policy), "validations").length, {
      type: "integer",
    }),
    column("ParamKind", kindText),
    ageColumn,
  ],
  strategy: {
    setDefaults(object) {
      if (object["spec"] === undefined) return;
      const spec = specOf(object);
      spec["failurePolicy"] ??= "Fail";
      fillMatch(objectIn(spec, "matchConstraints"));
    },
    prepareCreate(object) {
      delete object["status"];
    },
    validate: policyCauses,
  },
};

/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding: where a policy holds, and how. */
export const admissionPolicyBindingKind: BuiltIn = {
  group,
  version: "v1",
  kind: "ValidatingAdmissionPolicyBinding",
  plural: "validatingadmissionpolicybindings",
  namespaced: false,
  shortNames: ["vapb"],
  categories: ["api-extensions"],
  definition: `${home}.ValidatingAdmissionPolicyBinding`,
  generation: true,
  settles: true,
  columns: [
    nameColumn,
    column("PolicyName", (binding) => textIn(specOf(binding), "policyName")),
    column("ParamRef", refText),
    ageColumn,
  ],
  strategy: {
    setDefaults: (object) => fillMatch(objectIn(specOf(object), "matchResources")),
    validate: bindingCauses,
  },
};
