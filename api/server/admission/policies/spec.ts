import type {
  V1ValidatingAdmissionPolicyBindingSpec,
  V1ValidatingAdmissionPolicySpec,
} from "@kubernetes/client-node";
import type { AnyObject } from "../../../machinery/object.ts";
import type { Wire } from "../../../machinery/resources.ts";

/** `spec` of a ValidatingAdmissionPolicy. */
export type PolicySpec = Wire<V1ValidatingAdmissionPolicySpec>;
/** `spec` of a ValidatingAdmissionPolicyBinding. */
export type BindingSpec = Wire<V1ValidatingAdmissionPolicyBindingSpec>;
/** Which requests a policy or a binding is about. */
export type MatchResources = NonNullable<PolicySpec["matchConstraints"]>;

/** The group of policies and bindings; nothing of it is ever judged by a policy. */
export const policyGroup = "admissionregistration.k8s.io";

/** The spec of a stored policy. */
export const policySpecOf = (object: AnyObject): PolicySpec => object["spec"] as PolicySpec;
/** The spec of a stored binding. */
export const bindingSpecOf = (object: AnyObject): BindingSpec => object["spec"] as BindingSpec;
