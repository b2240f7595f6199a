/** A package of Kubernetes' API types. */
export type Package = {
  /** Prefix of its definitions, e.g. `io.k8s.api.core.v1`. */
  readonly home: string;
  /** API group of its kinds; empty for the core group. */
  readonly group: string;
  /** Models of @kubernetes/client-node that stand for its kinds. */
  readonly kinds: readonly string[];
};

/** Prefix of the core group's definitions. */
export const core = "io.k8s.api.core.v1";
/** Prefix of what all groups share, e.g. ObjectMeta. */
export const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** Every built-in kind whose schema is published. */
export const packages: readonly Package[] = [
  {
    home: core,
    group: "",
    kinds: [
      "V1Binding",
      "V1ConfigMap",
      "V1ConfigMapList",
      "V1LimitRange",
      "V1LimitRangeList",
      "CoreV1Event",
      "CoreV1EventList",
      "V1Namespace",
      "V1NamespaceList",
      "V1Node",
      "V1NodeList",
      "V1Pod",
      "V1PodList",
      "V1ResourceQuota",
      "V1ResourceQuotaList",
      "V1Secret",
      "V1SecretList",
      "V1Service",
      "V1ServiceList",
      "V1ServiceAccount",
      "V1ServiceAccountList",
    ],
  },
  {
    home: "io.k8s.api.events.v1",
    group: "events.k8s.io",
    kinds: ["EventsV1Event", "EventsV1EventList"],
  },
  {
    home: "io.k8s.api.coordination.v1",
    group: "coordination.k8s.io",
    kinds: ["V1Lease", "V1LeaseList"],
  },
  {
    home: "io.k8s.api.certificates.v1",
    group: "certificates.k8s.io",
    kinds: ["V1CertificateSigningRequest", "V1CertificateSigningRequestList"],
  },
  {
    home: "io.k8s.api.rbac.v1",
    group: "rbac.authorization.k8s.io",
    kinds: [
      "V1ClusterRole",
      "V1ClusterRoleBinding",
      "V1ClusterRoleBindingList",
      "V1ClusterRoleList",
      "V1Role",
      "V1RoleBinding",
      "V1RoleBindingList",
      "V1RoleList",
    ],
  },
  {
    home: "io.k8s.api.authentication.v1",
    group: "authentication.k8s.io",
    kinds: ["AuthenticationV1TokenRequest", "V1TokenReview", "V1SelfSubjectReview"],
  },
  {
    home: "io.k8s.api.authorization.v1",
    group: "authorization.k8s.io",
    kinds: [
      "V1LocalSubjectAccessReview",
      "V1SelfSubjectAccessReview",
      "V1SelfSubjectRulesReview",
      "V1SubjectAccessReview",
    ],
  },
  { home: "io.k8s.api.autoscaling.v1", group: "autoscaling", kinds: ["V1Scale"] },
  {
    home: "io.k8s.api.policy.v1",
    group: "policy",
    kinds: ["V1Eviction", "V1PodDisruptionBudget", "V1PodDisruptionBudgetList"],
  },
  {
    home: "io.k8s.api.admissionregistration.v1",
    group: "admissionregistration.k8s.io",
    kinds: [
      "V1ValidatingAdmissionPolicy",
      "V1ValidatingAdmissionPolicyBinding",
      "V1ValidatingAdmissionPolicyBindingList",
      "V1ValidatingAdmissionPolicyList",
    ],
  },
  {
    home: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    group: "apiextensions.k8s.io",
    kinds: ["V1CustomResourceDefinition", "V1CustomResourceDefinitionList"],
  },
  { home: meta, group: "", kinds: ["V1DeleteOptions", "V1Status"] },
];

/** Models that other packages refer to keep their own. */
const homes: Readonly<Record<string, string>> = {
  V1ObjectMeta: meta,
  V1ListMeta: meta,
  V1OwnerReference: meta,
  V1ManagedFieldsEntry: meta,
  V1LabelSelector: meta,
  V1LabelSelectorRequirement: meta,
  V1FieldSelectorRequirement: meta,
  V1Condition: meta,
  V1Preconditions: meta,
  V1DeleteOptions: meta,
  V1ObjectReference: core,
  V1EventSource: core,
};

/** The kind that a model stands for: `V1Pod` and `CoreV1Event` are Pod and Event. */
export const shortName = (model: string): string => model.replace(/^([A-Z][a-z]+)?V1(?=[A-Z])/, "");

/** The package of a model that is referred to from package `from`. */
export const homeOf = (model: string, from: string): string => homes[model] ?? from;

/** The definition of a model that is referred to from package `from`. */
export const definitionName = (model: string, from: string): string =>
  `${homeOf(model, from)}.${shortName(model)}`;
