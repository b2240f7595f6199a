import { selects } from "../../../machinery/selector.ts";
import type { AnyObject } from "../../../machinery/object.ts";
import { collectionPrefix, storeKey } from "../../../store/keys.ts";
import type { Kind, Kinds } from "../../kinds/kind.ts";
import type { Storage } from "../../objects/storage.ts";
import { shownForm } from "../../objects/versions.ts";
import type { BindingSpec, PolicySpec } from "./spec.ts";

/** Objects by which a policy is told what to want; `missing` says why there are none. */
export type Params =
  | { readonly objects: readonly AnyObject[] }
  | { readonly missing: string; readonly allowed: boolean };

/** The kind of a policy's parameters; `undefined` when nobody serves it. */
export function paramKindOf({ paramKind }: PolicySpec, kinds: Kinds): Kind | undefined {
  const { apiVersion = "", kind = "" } = paramKind ?? {};
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  return kinds
    .list()
    .find((one) => one.group === group && one.version === version && one.kind === kind);
}

/**
 * The parameters that a binding names for a request in a namespace.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#parameter-resources
 */
export function paramsOf(
  { cache }: Pick<Storage, "cache">,
  kinds: Kinds,
  policy: PolicySpec,
  { binding, namespace }: { readonly binding: BindingSpec; readonly namespace: string },
): Params {
  const { paramRef } = binding;
  const allowed = paramRef?.parameterNotFoundAction === "Allow";
  const kind = paramKindOf(policy, kinds);
  if (kind === undefined) return { missing: unknownKind(policy), allowed: false };
  if (paramRef === undefined)
    return { missing: "the binding has no paramRef, which the policy's paramKind needs", allowed };
  const where = kind.namespaced ? (paramRef.namespace ?? namespace) : "";
  if (kind.namespaced && where === "") return { missing: nowhere, allowed: false };
  const objects = found(cache, { kind, where, paramRef });
  return objects.length > 0 ? { objects } : { missing: none, allowed };
}

const nowhere =
  "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources";
const none = "no params found for policy binding with `Deny` parameterNotFoundAction";

function unknownKind({ paramKind }: PolicySpec): string {
  const { apiVersion = "", kind = "" } = paramKind ?? {};
  return `failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`;
}

type Place = {
  readonly kind: Kind;
  /** Empty for cluster-scoped kinds. */
  readonly where: string;
  readonly paramRef: NonNullable<BindingSpec["paramRef"]>;
};

function found(cache: Storage["cache"], { kind, where, paramRef }: Place): readonly AnyObject[] {
  const { name = "", selector } = paramRef;
  const inside = kind.namespaced ? { namespace: where } : {};
  const items =
    name === ""
      ? cache
          .list(collectionPrefix(kind, inside.namespace))
          .filter(({ object }) => selects(selector, object.metadata.labels))
      : [cache.newest(storeKey(kind, { ...inside, name }))];
  return items.filter((item) => item !== undefined).map((item) => shownForm(kind, item).object);
}
