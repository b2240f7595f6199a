/** What one manager set through server-side apply or update; `fieldsV1` is the field-path trie. */
export type ManagedFieldsEntry = {
  readonly manager?: string;
  readonly operation?: "Apply" | "Update";
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
  readonly subresource?: string;
};

/** A link from a dependent to its owner; matched by `uid`, never by name. */
export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

/** Kubernetes ObjectMeta. Times are RFC 3339 strings in UTC with seconds, e.g. `2026-11-21T09:30:00Z`. */
export type ObjectMeta = {
  readonly name: string;
  readonly generateName?: string;
  /** Absent on cluster-scoped objects. */
  readonly namespace?: string;
  readonly uid: string;
  /** Position in the store's one history; opaque to clients, a decimal integer here. */
  readonly resourceVersion: string;
  /** Integer, 1 or more: counts changes of the desired state. */
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  /** Integer, 0 or more, in seconds. */
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
};

/** Metadata as a writer sends it: the server fills in the rest. */
export type DraftMeta = Partial<ObjectMeta>;

/** Any object the API serves. Typed kinds intersect it with their own fields. */
export type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
};

/** An object on its way in: not yet named, numbered or stamped by the server. */
export type Draft<T extends KubeObject = KubeObject> = Omit<T, "metadata"> & {
  readonly metadata: DraftMeta;
};

/** An object whose fields beyond the three common ones are not known to the caller. */
export type AnyObject = KubeObject & { readonly [field: string]: unknown };

/** Which object of a kind. `namespace` is absent on cluster-scoped kinds. */
export type ObjectKey = { readonly namespace?: string; readonly name: string };

/** The text form of a key: `shop/web`, or `node-1` when cluster-scoped. */
export function keyText(key: ObjectKey): string {
  return key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
}

/** The inverse of {@link keyText}. */
export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf("/");
  if (slash < 0) return { name: text };
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** The key of an object that the server has named. */
export function keyOf(object: KubeObject): ObjectKey {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}
