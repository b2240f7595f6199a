/** Amounts by resource name in billionths, e.g. `cpu` 500_000_000n is half a core. */
export type Amounts = ReadonlyMap<string, bigint>;

/** A port of the host. `ip` is empty when it is taken on all addresses. */
export type HostPort = {
  readonly ip: string;
  readonly port: number;
  readonly protocol: string;
};

/** One condition on a label, or on `metadata.name`, of a Node. */
export type NodeRequirement = {
  readonly key: string;
  /** `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt`, `Lt`; anything else matches nothing. */
  readonly operator: string;
  readonly values: readonly string[];
};

/** All of them must hold; a term without any matches nothing. */
export type NodeTerm = {
  readonly labels: readonly NodeRequirement[];
  readonly fields: readonly NodeRequirement[];
};

/** Which Nodes a pod may be on: all of `labels`, and one of `terms` if there are any. */
export type NodeConstraints = {
  readonly labels: Readonly<Record<string, string>>;
  readonly terms?: readonly NodeTerm[];
};

/** A taint as it stands on a Node. */
export type Taint = { readonly key: string; readonly value: string; readonly effect: string };

/** A toleration as it stands in a pod; absent fields match everything. */
export type Toleration = {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
};

/** A pod that is not finished, reduced to what placing it rests on. */
export type PodSeen = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly priority: number;
  /** The Node it is bound to, or that we have asked for it to be bound to. */
  readonly node?: string;
  /**
   * The pods of one slot of an Application take turns on a Node: together they need as much as the
   * largest of them, or as those that run at once. Other pods are alone in their group.
   */
  readonly group: string;
  /** `namespace/name` of its Application. */
  readonly application?: string;
  /** What its Node is like if the pod may choose, with weights from 1 to 100. */
  readonly wishes?: readonly { readonly weight: number; readonly term: NodeTerm }[];
  /** It is asked to run now, or it may be beside the others of its group: with StartFirst. */
  readonly runs: boolean;
  /** The pod of its group that stops before it starts. */
  readonly replaces?: string;
  /** `pods` is among them. */
  readonly requests: Amounts;
  readonly ports: readonly HostPort[];
  readonly constraints: NodeConstraints;
  readonly tolerations: readonly Toleration[];
};

/** A pod that takes up room on a Node. */
export type BoundPod = PodSeen & { readonly node: string };

/** A Node, reduced to what placing pods on it rests on. */
export type NodeSeen = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ready: boolean;
  /** It was cordoned. */
  readonly unschedulable: boolean;
  readonly taints: readonly Taint[];
  /** A resource that is not named is not there, except `pods`, which is then not limited. */
  readonly allocatable: Amounts;
};

/** How the slots of an Application are spread. */
export type Spread = {
  /** Labels of Nodes, most important first. */
  readonly by: readonly string[];
  /** Slots that one Node may hold. Integer, 0 for no limit. */
  readonly maxPerNode: number;
};

/** Everything the decision rests on. */
export type Seen = {
  readonly nodes: readonly NodeSeen[];
  /** All pods that are bound and not finished. */
  readonly bound: readonly BoundPod[];
  /** Those that wait for a Node. */
  readonly pending: readonly PodSeen[];
  /** By {@link PodSeen.application}; absent for pods that no Application asked for. */
  readonly spreads: ReadonlyMap<string, Spread>;
};
