import { badRequest, conflict, invalid, notFound } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import { apiVersionOf, type Gvk } from "../../machinery/gvk.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatTime } from "../../machinery/time.ts";
import { storeKey } from "../../store/keys.ts";
import { isObject, objectIn, textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import type { Answer, Call } from "../objects/call.ts";
import { readItem } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";
import type { AccountClaims } from "./account-claims.ts";

const requestKind: Gvk = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" };

const defaultSeconds = 3_600;
const minSeconds = 600;
/** As a number it would not fit where others read it. */
const limitSeconds = 2 ** 32;
/** Longest life of a token, a year: longer ones are shortened, with a warning. */
const maxSeconds = 365 * 86_400;

type Wish = { readonly audiences: readonly string[]; readonly seconds: number };

/**
 * POST serviceaccounts/NAME/token: a token for the account, or for one Pod, Secret or Node.
 * @throws StatusError `Invalid` for a wrong time, `NotFound` without the account or bound object
 */
export async function requestToken(call: Call): Promise<Answer> {
  const request = readRequest(call);
  const spec = objectIn(request, "spec") ?? {};
  const { audiences, seconds } = readWish(call, spec);
  const { metadata } = existing(call, await readItem(call.storage, keyOfCall(call))).object;
  const claims = {
    namespace: call.namespace,
    account: { name: call.name, uid: metadata.uid },
    ...(await boundTo(call, objectIn(spec, "boundObjectRef"))),
  };
  const token = await call.tokens.sign({ claims, audiences, lifetimeSeconds: seconds });
  const nowMs = call.clock.nowMs();
  const body = {
    kind: requestKind.kind,
    apiVersion: apiVersionOf(requestKind),
    metadata: {
      name: call.name,
      namespace: call.namespace,
      creationTimestamp: formatTime(nowMs),
    },
    spec: {
      ...spec,
      audiences,
      expirationSeconds: seconds,
      boundObjectRef: spec["boundObjectRef"] ?? null,
    },
    status: { token, expirationTimestamp: formatTime(nowMs + seconds * 1_000) },
  };
  return { code: 201, body: JSON.stringify(body) };
}

function readRequest(call: Call): JsonObject {
  const { value } = call.body();
  if (!isObject(value)) {
    throw badRequest("Cannot read the TokenRequest: the body must be an object");
  }
  const [kind, apiVersion] = [textIn(value, "kind"), textIn(value, "apiVersion")];
  const isOurs = apiVersion === "" || apiVersion === apiVersionOf(requestKind);
  if ((kind !== "" && kind !== requestKind.kind) || !isOurs) {
    const wanted = `${apiVersionOf(requestKind)}, Kind=${requestKind.kind}`;
    throw badRequest(
      `the object provided is unrecognized (must be of type ${wanted}): ${apiVersion}, Kind=${kind}`,
    );
  }
  const metadata = objectIn(value, "metadata");
  const [name, namespace] = [textIn(metadata, "name"), textIn(metadata, "namespace")];
  if (name !== "" && name !== call.name) {
    throw badRequest(`must match name in TokenRequest: have ${name}, want ${call.name}`);
  }
  if (namespace !== "" && namespace !== call.namespace) {
    throw badRequest("the namespace of the provided object does not match the request");
  }
  return value;
}

function readWish(call: Call, spec: JsonObject): Wish {
  // Clients write null for what they leave open.
  const expirationSeconds = spec["expirationSeconds"] ?? defaultSeconds;
  const audiences = spec["audiences"] ?? [];
  if (!Array.isArray(audiences) || !audiences.every((item) => typeof item === "string")) {
    throw badRequest("Cannot read the TokenRequest: spec.audiences must be a list of strings");
  }
  if (typeof expirationSeconds !== "number" || !Number.isSafeInteger(expirationSeconds)) {
    throw badRequest("Cannot read the TokenRequest: spec.expirationSeconds must be an integer");
  }
  const wrong = (why: string): Error =>
    invalid(requestKind, call.name, [
      invalidValue("spec.expirationSeconds", expirationSeconds, why),
    ]);
  if (expirationSeconds < minSeconds) {
    throw wrong("may not specify a duration less than 10 minutes");
  }
  if (expirationSeconds > limitSeconds) {
    throw wrong("may not specify a duration larger than 2^32 seconds");
  }
  if (expirationSeconds > maxSeconds) {
    call.warn(
      `requested expiration of ${expirationSeconds} seconds shortened to ${maxSeconds} seconds`,
    );
  }
  return {
    audiences: audiences.length === 0 ? [call.tokens.issuer] : audiences,
    seconds: Math.min(expirationSeconds, maxSeconds),
  };
}

type Bindings = Pick<AccountClaims, "pod" | "secret" | "node">;

const boundKinds: Readonly<Record<string, string>> = {
  Pod: "pods",
  Secret: "secrets",
  Node: "nodes",
};

/** @throws StatusError `BadRequest` for a kind that no token can be bound to */
function pluralOf(ref: JsonObject, kind: string): string {
  const apiVersion = textIn(ref, "apiVersion");
  const plural = Object.hasOwn(boundKinds, kind) ? boundKinds[kind] : undefined;
  if (plural !== undefined && apiVersion === "v1") return plural;
  throw badRequest(`cannot bind token to object of type ${apiVersion}, Kind=${kind}`);
}

async function boundTo(call: Call, ref: JsonObject | undefined): Promise<Bindings> {
  if (ref === undefined) return {};
  const [kind, name, uid] = [textIn(ref, "kind"), textIn(ref, "name"), textIn(ref, "uid")];
  const found = await boundObject(call, pluralOf(ref, kind), name);
  if (uid !== "" && uid !== found.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: "", plural: kind }, name, why);
  }
  const bound = { name, uid: found.metadata.uid };
  if (kind === "Secret") return { secret: bound };
  return kind === "Node" ? { node: bound } : { pod: bound, ...(await nodeOf(call, found)) };
}

async function boundObject(call: Call, plural: string, name: string): Promise<AnyObject> {
  if (name === "") throw notFound({ group: "", plural }, name);
  const key = plural === "nodes" ? { name } : { namespace: call.namespace, name };
  const item = await readItem(call.storage, storeKey({ group: "", plural }, key));
  if (item === undefined) throw notFound({ group: "", plural }, name);
  return item.object;
}

/** The Node that runs a Pod, for the claim of that name. */
async function nodeOf(call: Call, pod: AnyObject): Promise<Bindings> {
  const spec = objectIn(pod, "spec");
  // A Pod that names no account runs as the namespace's own.
  const account = textIn(spec, "serviceAccountName") || "default";
  if (account !== call.name) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(call.name)} to pod running with different serviceaccount name.`,
    );
  }
  const name = textIn(spec, "nodeName");
  if (name === "") return {};
  const item = await readItem(call.storage, storeKey({ group: "", plural: "nodes" }, { name }));
  return { node: { name, uid: item?.object.metadata.uid ?? "" } };
}
