/** How a field of a built-in type takes part in a strategic merge patch. */
export type PatchField = {
  /** Type of the field, or of the list's items; absent: nothing special lies below. */
  readonly type?: string;
  /** Lists with a strategy are merged, others replaced. `retainKeys` also concerns map items. */
  readonly strategy?: "merge" | "merge,retainKeys" | "retainKeys";
  /** What tells the items of a merged list apart; absent on lists of scalars. */
  readonly mergeKey?: string;
};

/** Fields of one type that matter; all others are plain. */
export type PatchType = Readonly<Record<string, PatchField>>;

const by = (mergeKey: string, type?: string): PatchField => ({
  strategy: "merge",
  mergeKey,
  ...(type === undefined ? {} : { type }),
});
const retained = (mergeKey: string, type?: string): PatchField => ({
  ...by(mergeKey, type),
  strategy: "merge,retainKeys",
});
const set: PatchField = { strategy: "merge" };
const object = (type: string): PatchField => ({ type });

const container: PatchType = {
  env: by("name"),
  ports: by("containerPort"),
  volumeMounts: by("mountPath"),
  volumeDevices: by("devicePath"),
};

/**
 * The patch strategies of the built-in types, keyed by the short name of the type: the facts that
 * Kubernetes publishes as `x-kubernetes-patch-strategy` and `-merge-key`. A list that is not
 * named here (tolerations, taints, args ...) is replaced as a whole.
 */
export const patchTypes: Readonly<Record<string, PatchType>> = {
  ObjectMeta: { ownerReferences: by("uid"), finalizers: set },
  Pod: {
    metadata: object("ObjectMeta"),
    spec: object("PodSpec"),
    status: object("PodStatus"),
  },
  PodTemplateSpec: { metadata: object("ObjectMeta"), spec: object("PodSpec") },
  PodSpec: {
    containers: by("name", "Container"),
    initContainers: by("name", "Container"),
    ephemeralContainers: by("name", "EphemeralContainer"),
    imagePullSecrets: by("name"),
    schedulingGates: by("name"),
    volumes: retained("name"),
    resourceClaims: retained("name"),
    hostAliases: by("ip"),
    topologySpreadConstraints: by("topologyKey"),
  },
  Container: container,
  EphemeralContainer: container,
  PodStatus: {
    conditions: by("type"),
    podIPs: by("ip"),
    hostIPs: by("ip"),
    resourceClaimStatuses: retained("name"),
  },
  Node: {
    metadata: object("ObjectMeta"),
    spec: object("NodeSpec"),
    status: object("NodeStatus"),
  },
  NodeSpec: { podCIDRs: set },
  NodeStatus: { conditions: by("type"), addresses: by("type") },
  Namespace: { metadata: object("ObjectMeta"), status: object("NamespaceStatus") },
  NamespaceStatus: { conditions: by("type") },
  ServiceAccount: { metadata: object("ObjectMeta"), secrets: by("name") },
};

const plainKind: PatchType = { metadata: object("ObjectMeta") };

/** The fields of a built-in kind, e.g. `Pod`; one that is not in the table has plain fields. */
export function patchTypeOf(kind: string): PatchType {
  return (Object.hasOwn(patchTypes, kind) ? patchTypes[kind] : undefined) ?? plainKind;
}

/** The fields of the type that a field holds. */
export function typeBelow(field: PatchField | undefined): PatchType {
  return (field?.type === undefined ? undefined : patchTypes[field.type]) ?? {};
}
