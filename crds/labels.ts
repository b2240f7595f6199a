/**
 * Names of the labels that Lighthouse sets on objects, and on the containers of its pods. Values
 * are label values: at most 63 characters of letters, digits, "-", "_" and ".".
 */
export const label = {
  /** Pods, Revisions: metadata.name of the Application. */
  application: "lighthouse.dev/application",
  /** Pods: metadata.name of the Revision they are made from. */
  revision: "lighthouse.dev/revision",
  /** Pods: their slot, an ordinal from 0, or a Node as {@link annotation.slotNode} tells in full. */
  slot: "lighthouse.dev/slot",
  /** Pods and Revisions: hash of the template. */
  templateHash: "lighthouse.dev/template-hash",
  /** Nodes: metadata.name of the Beacon that found them. Set by the agent. */
  beacon: "lighthouse.dev/beacon",
  /** Nodes: how they were found, e.g. `local` or `gce`. Set by the agent. */
  provider: "lighthouse.dev/provider",
  /** ConfigMaps: "true" on the records of what namespaces used, which agents keep. */
  usage: "lighthouse.dev/usage",
  /** Nodes, well known: name of the host. */
  hostname: "kubernetes.io/hostname",
  /** Nodes, well known: operating system, e.g. `linux`. */
  os: "kubernetes.io/os",
  /** Nodes, well known: processor, e.g. `amd64`. */
  arch: "kubernetes.io/arch",
  /** Nodes, well known: region of the provider. */
  region: "topology.kubernetes.io/region",
  /** Nodes, well known: zone of the provider. */
  zone: "topology.kubernetes.io/zone",
} as const;

/** Names of the annotations that carry orders and facts between the parts. */
export const annotation = {
  /** Pods: what the agent shall make of them, one of {@link desiredStates}; absent means Running. */
  desiredState: "lighthouse.dev/desired-state",
  /** Pods: name of the pod of the same slot that this one takes over from, in one local step. */
  replaces: "lighthouse.dev/replaces",
  /**
   * Pods of Applications: when somebody last asked it to leave its Node, RFC 3339. Set by the API
   * server on an eviction; good for {@link evictionHoldsMs}.
   */
  evict: "lighthouse.dev/evict",
  /** Pods: the full name of the Node that the slot stands for, when it is no ordinal. */
  slotNode: "lighthouse.dev/slot-node",
  /** Applications: name of the group in their namespace with which they share one verdict. */
  rolloutGroup: "lighthouse.dev/rollout-group",
  /** Applications: when they switch in their group, a whole number; lower ones first. Absent means 0. */
  rolloutOrder: "lighthouse.dev/rollout-order",
  /** Applications: version of the whole group; nobody switches before all members carry the same. */
  rolloutGroupVersion: "lighthouse.dev/rollout-group-version",
  /** Templates: "true" makes a new Revision when a ConfigMap or Secret they name changes. */
  reload: "lighthouse.dev/reload",
  /** Applications: name of the Revision whose canary a person has approved. */
  approve: "lighthouse.dev/approve",
  /** Applications: user who set {@link annotation.approve}. Set by the API server. */
  approvedBy: "lighthouse.dev/approved-by",
  /** Applications: status.failedRevision.failedAt of the failure that shall be tried once more. */
  retry: "lighthouse.dev/retry",
  /** Applications: number of the Revision whose template an undo brought back. */
  rollbackTo: "lighthouse.dev/rollback-to",
  /** Applications: user who changed the template last. Set by the API server. */
  changedBy: "lighthouse.dev/changed-by",
  /** Applications and Revisions, well known: why the template was changed, in words. */
  changeCause: "kubernetes.io/change-cause",
  /** Nodes: the URL by which their agent reaches the Docker engine. Set by the agent. */
  endpoint: "lighthouse.dev/endpoint",
  /** Beacons: any new value makes the agent look for hosts at once. */
  refresh: "lighthouse.dev/refresh",
  /** Nodes: keys of the labels that discovery set, joined by commas. Set by the agent. */
  discoveredLabels: "lighthouse.dev/discovered-labels",
  /** Nodes: the taints that discovery set, `key:effect` joined by commas. Set by the agent. */
  discoveredTaints: "lighthouse.dev/discovered-taints",
  /** Nodes: the images that the agent brought and may remove, see agent/images/claims.ts. */
  pulledImages: "lighthouse.dev/pulled-images",
  /**
   * Nodes: since when containers of Pods that nobody knows are left as they are, RFC 3339. Set by a
   * restore, and by the API server on Nodes that come later; people take it off.
   */
  holdUnknown: "lighthouse.dev/hold-unknown",
  /** Nodes: "true" when the engine only pretends to run containers. Set by the agent. */
  simulated: "lighthouse.dev/simulated",
  /**
   * Beacons: the keys whose certificates are accepted, a JSON list of {@link AgentKey}. Set by the API
   * server when it signs; without a key, or without the Beacon, its certificates are refused.
   */
  agentKeys: "lighthouse.dev/agent-keys",
  /** Beacons: when their certificates were revoked last, RFC 3339. */
  revoked: "lighthouse.dev/revoked",
  /** CertificateSigningRequests: why one was not approved at once, in words. Set by the API server. */
  pendingReason: "lighthouse.dev/pending-reason",
  /** Namespaces: ports of hosts that Pods may take below the level privileged, e.g. `80,8000-8099`. */
  hostPorts: "lighthouse.dev/host-ports",
  /** Namespaces: registries and repositories that images may come from, joined by commas. */
  allowedImages: "lighthouse.dev/allowed-images",
  /** Namespaces: "true" demands a digest in every reference to an image. */
  requireDigest: "lighthouse.dev/require-image-digest",
  /** Pods: "true" asks for CPUs of their own for containers that ask for whole ones. */
  exclusiveCpus: "lighthouse.dev/exclusive-cpus",
  /** Pods, well known: bits per second that may come in and go out at most, e.g. `10M`. */
  ingressBandwidth: "kubernetes.io/ingress-bandwidth",
  egressBandwidth: "kubernetes.io/egress-bandwidth",
  /** NodeMetrics: `machine`, or `containers` when those were added up, for want of an agent on it. */
  measured: "lighthouse.dev/measured",
  /** Templates, well known: time of the last restart that a person asked for. */
  restartedAt: "kubectl.kubernetes.io/restartedAt",
} as const;

/** One key of {@link annotation.agentKeys}. */
export type AgentKey = {
  /** `sha256:` and the hash of the SubjectPublicKeyInfo (DER), in hex. */
  readonly key: string;
  /** When the last certificate for it ends, RFC 3339. */
  readonly expires: string;
  /** The root that issued this certificate: 16 hex digits of the hash of its public key. */
  readonly root?: string;
};

/**
 * How long an eviction that had to wait is remembered. Whoever evicts asks again and again (`kubectl
 * drain` every 5 s); who stops asking has changed their mind. Milliseconds.
 */
export const evictionHoldsMs = 60_000;

/** Values of {@link annotation.desiredState}: created and not started, started, stopped and kept. */
export const desiredStates = ["Prepared", "Running", "Stopped"] as const;

/** One of {@link desiredStates}. */
export type DesiredState = (typeof desiredStates)[number];

/** Names of the labels on every container that an agent made: they say whose it is. */
export const containerLabel = {
  /** Which control plane: metadata.uid of its Namespace kube-system. Another one's are foreign. */
  cluster: "lighthouse.dev/cluster",
  /** metadata.uid of the Pod: adoption goes by it alone. */
  podUid: "lighthouse.dev/pod-uid",
  podNamespace: "lighthouse.dev/pod-namespace",
  podName: "lighthouse.dev/pod-name",
  /** Name in the pod's spec. */
  container: "lighthouse.dev/container",
  /** `init` or `main`; `relay` for one of the agent's own, see agent/far/relays.ts. */
  role: "lighthouse.dev/container-role",
  /** Hash of what it was made from; another one means: make it anew. */
  specHash: "lighthouse.dev/spec-hash",
  /** Seconds between stop signal and SIGKILL, for when the Pod is no longer known. */
  graceSeconds: "lighthouse.dev/grace-seconds",
  /** How many CPUs it has for itself while it runs, see docs/resources.md; absent: it shares. */
  exclusiveCpus: "lighthouse.dev/exclusive-cpus",
  /** Relays: whose network it joined, `<container id>.<its start in milliseconds since the epoch>`. */
  relayOf: "lighthouse.dev/relay-of",
  /** Container and volume of an agent: in there is the key by which it is one. */
  agent: "lighthouse.dev/agent",
} as const;

/** Value of {@link containerLabel.role} for what the agent puts beside the containers of a pod. */
export const relayRole = "relay";
