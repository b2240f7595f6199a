import type { AnyObject } from "../../../machinery/object.ts";
import type { Review } from "../chain.ts";

/** What expressions see of the object: absent on DELETE, where `before` is all there is. */
export type Judged = Omit<Review, "object"> & { readonly object?: AnyObject };

/** The variable `request`: admission.k8s.io/v1 AdmissionRequest without the objects. */
export function requestValue(review: Judged): Readonly<Record<string, unknown>> {
  const { kind, namespace, operation, subresource, user, dryRun, object, name } = review;
  const { group, version } = kind;
  const gvk = { group, version, kind: kind.kind };
  const gvr = { group, version, resource: kind.plural };
  return {
    kind: gvk,
    resource: gvr,
    subResource: subresource,
    requestKind: gvk,
    requestResource: gvr,
    requestSubResource: subresource,
    name: name === "" ? (object?.metadata.name ?? "") : name,
    namespace,
    operation,
    userInfo: {
      username: user.name,
      uid: user.uid ?? "",
      groups: [...user.groups],
      extra: user.extra ?? {},
    },
    dryRun,
    options: {},
  };
}
