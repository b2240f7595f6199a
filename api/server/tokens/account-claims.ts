import type { User } from "../access.ts";
import { isObject, objectIn, textIn } from "../kinds/fill.ts";

/** An object that a token names: it must exist, and be this very one. */
export type Bound = { readonly name: string; readonly uid: string };

/** Whom a ServiceAccount token stands for, and what its validity hangs on. */
export type AccountClaims = {
  readonly namespace: string;
  readonly account: Bound;
  /** The Pod that uses the token; the token ends with it. */
  readonly pod?: Bound;
  /** The Secret that holds the token; the token ends with it. */
  readonly secret?: Bound;
  /** The Node of the Pod, or the one the token was asked for; then it ends with that. */
  readonly node?: Bound;
  /** Unique name of the token, for audits. */
  readonly id: string;
};

/** The private claim, with Kubernetes' field names. */
export type PrivateClaim = {
  readonly namespace: string;
  readonly serviceaccount: Bound;
  readonly pod?: Bound;
  readonly secret?: Bound;
  readonly node?: Bound;
};

/** Name of the private claim. */
export const privateClaimName = "kubernetes.io";

/** The user name of a ServiceAccount. */
export const accountUser = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`;

/** What a token says beyond the registered claims. */
export function privateClaim({
  namespace,
  account,
  pod,
  secret,
  node,
}: AccountClaims): PrivateClaim {
  return {
    namespace,
    ...(node === undefined ? {} : { node }),
    ...(pod === undefined ? {} : { pod }),
    ...(secret === undefined ? {} : { secret }),
    serviceaccount: account,
  };
}

function boundIn(claim: Parameters<typeof objectIn>[0], field: string): Bound | undefined {
  const bound = objectIn(claim, field);
  const [name, uid] = [textIn(bound, "name"), textIn(bound, "uid")];
  return name === "" ? undefined : { name, uid };
}

/** Reads the payload of a verified token; `undefined` for one that is not of our making. */
export function readClaims(payload: {
  readonly [claim: string]: unknown;
}): AccountClaims | undefined {
  const claim = payload[privateClaimName];
  if (!isObject(claim)) return undefined;
  const namespace = textIn(claim, "namespace");
  const account = boundIn(claim, "serviceaccount");
  if (account === undefined || payload["sub"] !== accountUser(namespace, account.name)) {
    return undefined;
  }
  const [pod, secret, node] = ["pod", "secret", "node"].map((field) => boundIn(claim, field));
  return {
    namespace,
    account,
    ...(pod === undefined ? {} : { pod }),
    ...(secret === undefined ? {} : { secret }),
    ...(node === undefined ? {} : { node }),
    id: textIn({ ...payload }, "jti"),
  };
}

const extraPrefix = "authentication.kubernetes.io";

/** The user that a token stands for. */
export function userOf({ namespace, account, pod, node, id }: AccountClaims): User {
  const extra: Record<string, readonly string[]> = {};
  if (id !== "") extra[`${extraPrefix}/credential-id`] = [`JTI=${id}`];
  if (node !== undefined) {
    extra[`${extraPrefix}/node-name`] = [node.name];
    if (node.uid !== "") extra[`${extraPrefix}/node-uid`] = [node.uid];
  }
  if (pod !== undefined) {
    extra[`${extraPrefix}/pod-name`] = [pod.name];
    extra[`${extraPrefix}/pod-uid`] = [pod.uid];
  }
  return {
    name: accountUser(namespace, account.name),
    uid: account.uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
    extra,
  };
}
