import { label } from "../../../crds/labels.ts";
import type { Clock } from "../../machinery/clock.ts";
import { equalJson } from "../../machinery/equality.ts";
import { forbidden, invalid, tooManyRequests } from "../../machinery/errors.ts";
import { forbiddenValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatTime } from "../../machinery/time.ts";
import { collectionPrefix } from "../../store/keys.ts";
import type { User } from "../access.ts";
import type { Admission, Review } from "../admission/chain.ts";
import { findBootstrapToken, tokenIdOf, useProblem } from "../authn/bootstrap-token.ts";
import { beaconOf } from "../authz/node-identity.ts";
import type { Rights } from "../authz/rbac-authorizer.ts";
import { childOf, objectIn, objectsIn, textIn } from "../kinds/fill.ts";
import type { Body, JsonObject } from "../kinds/kind.ts";
import type { Storage } from "../objects/storage.ts";
import {
  beaconRequestProblems,
  beaconSigner,
  expiredBeaconOf,
  requestedBeacon,
} from "./beacon-request.ts";
import { readRequest } from "./read-request.ts";

const group = "certificates.k8s.io";
const plural = "certificatesigningrequests";

/** So many requests of one user may wait at once. */
const maxWaiting = 20;
const retrySeconds = 60;

/** What admission of requests needs. */
export type RequestAdmissionOptions = {
  readonly rights: Rights;
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
};

type Write = Review & { readonly object: Body };

function setSender(spec: JsonObject, { name, uid, groups, extra }: User): void {
  Object.assign(spec, { username: name, groups: [...groups] });
  for (const [field, value] of Object.entries({ uid, extra })) {
    if (value === undefined) delete spec[field];
    else spec[field] = value;
  }
}

const isOpen = (request: AnyObject): boolean => {
  const status = objectIn(request, "status");
  const denied = objectsIn(status, "conditions").some((one) => textIn(one, "type") === "Denied");
  return !denied && textIn(status, "certificate") === "";
};

/** @throws StatusError `TooManyRequests` */
function limitWaiting({ storage }: RequestAdmissionOptions, { name }: User): void {
  const all = storage.cache.list(collectionPrefix({ group, plural }));
  const own = all.filter(
    ({ object }) => textIn(objectIn(object, "spec"), "username") === name && isOpen(object),
  );
  if (own.length < maxWaiting) return;
  const why = `${own.length} requests of "${name}" wait already, limit ${maxWaiting}`;
  throw tooManyRequests(`Cannot ask for a certificate: ${why}`, retrySeconds);
}

/** Why this sender cannot have that name, whoever approves it; `undefined` when it may be asked for. */
async function senderProblem(
  { storage, clock }: RequestAdmissionOptions,
  user: User,
  beacon: string,
): Promise<string | undefined> {
  const own = beaconOf(user) ?? expiredBeaconOf(user.name);
  if (own !== undefined && own !== beacon) return `beacon "${own}" cannot ask for "${beacon}"`;
  const id = tokenIdOf(user.name);
  if (id === undefined) return undefined;
  const token = await findBootstrapToken(storage, id);
  if (token === undefined) return `token ${id} was deleted`;
  if (token.beacon !== "" && token.beacon !== beacon) {
    return `token ${id} is for beacon "${token.beacon}", not for "${beacon}"`;
  }
  return useProblem(token, clock.nowMs());
}

/** @throws StatusError `Invalid` for what is never signed, `Forbidden` for what is not the sender's */
async function checkBeaconRequest(options: RequestAdmissionOptions, write: Write): Promise<void> {
  const { kind, object, user } = write;
  const spec = childOf(object, "spec");
  const name = object.metadata.name ?? "";
  const wrong = (problems: readonly string[]): Error =>
    invalid(
      kind,
      name,
      problems.map((problem) => forbiddenValue("spec.request", problem)),
    );
  const facts = await readRequest(Buffer.from(textIn(spec, "request"), "base64").toString()).catch(
    (err: unknown) => {
      throw wrong([err instanceof Error ? err.message : String(err)]);
    },
  );
  const usages = Array.isArray(spec["usages"]) ? spec["usages"].map(String) : [];
  const problems = beaconRequestProblems(facts, usages);
  const beacon = requestedBeacon(facts);
  if (problems.length > 0 || beacon === undefined) throw wrong(problems);
  const why = await senderProblem(options, user, beacon);
  if (why !== undefined) throw forbidden(kind, name, why);
  object.metadata.labels = { ...object.metadata.labels, [label.beacon]: beacon };
}

async function admitCreation(options: RequestAdmissionOptions, write: Write): Promise<void> {
  const spec = childOf(write.object, "spec");
  setSender(spec, write.user);
  limitWaiting(options, write.user);
  if (textIn(spec, "signerName") === beaconSigner) await checkBeaconRequest(options, write);
}

/** @throws StatusError `Forbidden` unless the user may `approve` or `sign` for the signer */
async function mustBeTrusted(rights: Rights, write: Write, verb: "approve" | "sign") {
  const signer = textIn(objectIn(write.object, "spec"), "signerName");
  const all = `${signer.split("/", 1)[0]}/*`;
  const type = { group, version: "*", plural: "signers", subresource: "", namespace: "", rest: "" };
  for (const name of [signer, all]) {
    const request = { verb, path: "", resource: { ...type, name } };
    if ((await rights.authorize(write.user, request)).allowed) return;
  }
  const why = `user not permitted to ${verb} requests with signerName "${signer}"`;
  throw forbidden(write.kind, write.name, why);
}

/** Conditions know when they were written, and when their status changed last. */
function stampConditions({ object, before }: Write, now: string): void {
  const old = before === undefined ? [] : objectsIn(objectIn(before, "status"), "conditions");
  for (const condition of objectsIn(objectIn(object, "status"), "conditions")) {
    const type = textIn(condition, "type");
    const known = old.find((one) => textIn(one, "type") === type);
    if (known !== undefined && equalJson(known, condition)) continue;
    if (textIn(condition, "lastUpdateTime") === "") condition["lastUpdateTime"] = now;
    const same = known?.["status"] === condition["status"];
    const since = same ? textIn(known, "lastTransitionTime") : "";
    if (textIn(condition, "lastTransitionTime") === "" || same) {
      condition["lastTransitionTime"] = since === "" ? now : since;
    }
  }
}

const verdicts: ReadonlySet<string> = new Set(["Approved", "Denied"]);

/** A signer changes no verdict: those go through the approval. */
function keepVerdicts({ object, before }: Write): void {
  const status = childOf(object, "status");
  const isVerdict = (one: JsonObject): boolean => verdicts.has(textIn(one, "type"));
  const old = before === undefined ? [] : objectsIn(objectIn(before, "status"), "conditions");
  const conditions = [
    ...old.filter(isVerdict),
    ...objectsIn(status, "conditions").filter((one) => !isVerdict(one)),
  ];
  if (conditions.length > 0) status["conditions"] = conditions;
  else delete status["conditions"];
}

async function admitStatus(rights: Rights, write: Write): Promise<void> {
  const certificateOf = (object: JsonObject | AnyObject | undefined): string =>
    object === undefined ? "" : textIn(objectIn(object, "status"), "certificate");
  if (certificateOf(write.object) !== certificateOf(write.before)) {
    await mustBeTrusted(rights, write, "sign");
  }
  keepVerdicts(write);
}

/**
 * Who asks for a certificate is who sent the request; only those whom a signer trusts approve and sign
 * for it (verbs `approve` and `sign` on `signers`). Requests that our signer would never sign are
 * refused when they are made.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
 */
export function requestAdmission(options: RequestAdmissionOptions): Admission {
  const { rights, clock } = options;
  return {
    async admit(review) {
      const { kind, object, operation, subresource } = review;
      if (kind.group !== group || kind.plural !== plural || object === undefined) return;
      const write = { ...review, object };
      if (operation === "CREATE") return admitCreation(options, write);
      if (subresource === "approval") await mustBeTrusted(rights, write, "approve");
      if (subresource === "status") await admitStatus(rights, write);
      if (subresource !== "") stampConditions(write, formatTime(clock.nowMs()));
    },
  };
}
