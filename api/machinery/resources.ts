import type {
  CoreV1Event,
  V1CertificateSigningRequestSpec,
  V1CertificateSigningRequestStatus,
  V1ConfigMap,
  V1LeaseSpec,
  V1NamespaceSpec,
  V1NamespaceStatus,
  V1NodeSpec,
  V1NodeStatus,
  V1PodSpec,
  V1PodStatus,
  V1ResourceQuotaSpec,
  V1ResourceQuotaStatus,
  V1Secret,
  V1UserInfo,
} from "@kubernetes/client-node";
import type { Application, Beacon, Revision, Session, User } from "../../crds/types.gen.ts";
import type { ResourceType } from "./gvk.ts";
import type { KubeObject } from "./object.ts";

/** A client-node model as it stands on the wire: dates are strings, everything is readonly. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Field in keyof T]: Wire<T[Field]> }
      : T;

type Body<T> = Omit<Wire<T>, "apiVersion" | "kind" | "metadata">;

/** Shorthands for the parts and kinds of core/v1 and coordination.k8s.io/v1 that we serve. */
export type PodSpec = Wire<V1PodSpec>;
export type PodStatus = Wire<V1PodStatus>;
export type Pod = KubeObject & { readonly spec: PodSpec; readonly status?: PodStatus };
/** core/v1 Node: one Docker host. */
export type Node = KubeObject & {
  readonly spec?: Wire<V1NodeSpec>;
  readonly status?: Wire<V1NodeStatus>;
};
/** core/v1 Namespace. */
export type Namespace = KubeObject & {
  readonly spec?: Wire<V1NamespaceSpec>;
  readonly status?: Wire<V1NamespaceStatus>;
};
/** Times of a Lease are MicroTime: RFC 3339 with six digits. */
export type Lease = KubeObject & {
  readonly spec?: Omit<Wire<V1LeaseSpec>, "acquireTime" | "renewTime"> & {
    readonly acquireTime?: string;
    readonly renewTime?: string;
  };
};
/** core/v1 Event. */
export type Event = KubeObject & Body<CoreV1Event>;
export type Secret = KubeObject & Body<V1Secret>;
export type ConfigMap = KubeObject & Body<V1ConfigMap>;

/** certificates.k8s.io/v1 CertificateSigningRequest. */
export type CertificateRequest = KubeObject & {
  readonly spec: Wire<V1CertificateSigningRequestSpec>;
  readonly status?: Wire<V1CertificateSigningRequestStatus>;
};

/** core/v1 ResourceQuota. */
export type ResourceQuota = KubeObject & {
  readonly spec?: Wire<V1ResourceQuotaSpec>;
  readonly status?: Wire<V1ResourceQuotaStatus>;
};

/** authentication.k8s.io/v1 SelfSubjectReview. */
export type SelfSubjectReview = KubeObject & {
  readonly status?: { readonly userInfo?: Wire<V1UserInfo> };
};

/** A resource whose objects are known to be of type `T`. `T` exists at compile time only. */
export type Resource<T extends KubeObject> = ResourceType & {
  readonly objects?: (object: T) => T;
  /** Lists and watches bring apiVersion, kind and metadata alone: nothing else is sent. */
  readonly metadataOnly?: boolean;
};

/** The same objects without their contents, e.g. Secrets without their values. */
export function metadataOf({
  group,
  version,
  kind,
  plural,
  namespaced,
}: ResourceType): Resource<KubeObject> {
  return { group, version, kind, plural, namespaced, metadataOnly: true };
}

const core = (kind: string, plural: string, namespaced: boolean): ResourceType => ({
  group: "",
  version: "v1",
  kind,
  plural,
  namespaced,
});

/** How to address each built-in kind. */
export const pods: Resource<Pod> = core("Pod", "pods", true);
export const nodes: Resource<Node> = core("Node", "nodes", false);
export const namespaces: Resource<Namespace> = core("Namespace", "namespaces", false);
export const events: Resource<Event> = core("Event", "events", true);
export const secrets: Resource<Secret> = core("Secret", "secrets", true);
export const configMaps: Resource<ConfigMap> = core("ConfigMap", "configmaps", true);
export const serviceAccounts: Resource<KubeObject> = core(
  "ServiceAccount",
  "serviceaccounts",
  true,
);
/** core/v1 ResourceQuota: what a namespace may use at most. */
export const resourceQuotas: Resource<ResourceQuota> = core(
  "ResourceQuota",
  "resourcequotas",
  true,
);
/** coordination.k8s.io/v1 Lease: heartbeats and leader election. */
export const leases: Resource<Lease> = {
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
};

/** authentication.k8s.io/v1 SelfSubjectReview: whom the server takes us for. Nothing is stored. */
export const selfSubjectReviews: Resource<SelfSubjectReview> = {
  group: "authentication.k8s.io",
  version: "v1",
  kind: "SelfSubjectReview",
  plural: "selfsubjectreviews",
  namespaced: false,
};

/** certificates.k8s.io/v1 CertificateSigningRequest: how agents get their certificates. */
export const certificateRequests: Resource<CertificateRequest> = {
  group: "certificates.k8s.io",
  version: "v1",
  kind: "CertificateSigningRequest",
  plural: "certificatesigningrequests",
  namespaced: false,
};

const ours = (kind: string, plural: string, namespaced: boolean): ResourceType => ({
  group: "lighthouse.dev",
  version: "v1",
  kind,
  plural,
  namespaced,
});

/** How to address our own kinds; their fields come from `crds/`. */
export const applications: Resource<Application> = ours("Application", "applications", true);
export const revisions: Resource<Revision> = ours("Revision", "revisions", true);
export const beacons: Resource<Beacon> = ours("Beacon", "beacons", false);
export const users: Resource<User> = ours("User", "users", false);
export const sessions: Resource<Session> = ours("Session", "sessions", false);
