import { admissionPolicyBindingKind, admissionPolicyKind } from "./admission-policy.ts";
import { builtIn, type BuiltInSchemas } from "./built-in.ts";
import { certificateRequestKind } from "./certificate-request.ts";
import { configMapKind, secretKind, serviceAccountKind } from "./config.ts";
import { crdKind, type CrdWorld } from "./crd.ts";
import { eventKind, eventsEventKind } from "./event.ts";
import type { Kind } from "./kind.ts";
import { leaseKind } from "./lease.ts";
import { type MetricsSource, nodeMetricsKind, podMetricsKind } from "./metrics.ts";
import { limitRangeKind } from "./limit-range.ts";
import { namespaceKind } from "./namespace.ts";
import { nodeKind } from "./node.ts";
import { podKind } from "./pod.ts";
import { podDisruptionBudgetKind } from "./pod-disruption-budget.ts";
import { clusterRoleBindingKind, clusterRoleKind, roleBindingKind, roleKind } from "./rbac.ts";
import { resourceQuotaKind } from "./resource-quota.ts";
import { serviceKind } from "./service.ts";

/** Every kind that is served without a CRD. */
export function builtInKinds(
  schemas: BuiltInSchemas,
  world: CrdWorld,
  metrics: MetricsSource,
): readonly Kind[] {
  return [
    namespaceKind,
    nodeKind,
    podKind,
    eventKind,
    eventsEventKind,
    secretKind,
    configMapKind,
    serviceAccountKind,
    serviceKind,
    resourceQuotaKind,
    limitRangeKind,
    podDisruptionBudgetKind,
    leaseKind,
    certificateRequestKind,
    roleKind,
    clusterRoleKind,
    roleBindingKind,
    clusterRoleBindingKind,
    admissionPolicyKind,
    admissionPolicyBindingKind,
    crdKind(world),
    nodeMetricsKind(metrics),
    podMetricsKind(metrics),
  ].map((kind) => builtIn(kind, schemas));
}
