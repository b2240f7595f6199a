import type { ObjectKey } from "./object.ts";

/** Group, version and kind. The core group is the empty string. */
export type Gvk = { readonly group: string; readonly version: string; readonly kind: string };

/** What a client must know of a kind to address it: enough to build every path. */
export type ResourceType = Gvk & {
  /** Lower-case plural as it stands in paths, e.g. `applications`. */
  readonly plural: string;
  readonly namespaced: boolean;
};

/** `v1` for the core group, else `group/version`, e.g. `lighthouse.dev/v1`. */
export function apiVersionOf({ group, version }: Pick<Gvk, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}

/** Splits `lighthouse.dev/v1` or `v1`. More than one slash yields `undefined`. */
export function parseApiVersion(text: string): Pick<Gvk, "group" | "version"> | undefined {
  const parts = text.split("/");
  const [first, second] = parts;
  if (first === undefined || first === "" || parts.length > 2) return undefined;
  if (second === undefined) return { group: "", version: first };
  return second === "" ? undefined : { group: first, version: second };
}

/** `applications.lighthouse.dev`, or `pods` in the core group: the form of messages and CRD names. */
export function resourceText({ group, plural }: Pick<ResourceType, "group" | "plural">): string {
  return group === "" ? plural : `${plural}.${group}`;
}

/** Path of one collection; without `namespace` a namespaced kind spans all namespaces. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const scope =
    type.namespaced && namespace !== undefined
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : "";
  return `${root}${scope}/${type.plural}`;
}

/** Path of one object, with an optional subresource such as `status`. */
export function objectPath(type: ResourceType, key: ObjectKey, subresource?: string): string {
  const path = `${collectionPath(type, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
