import { annotation } from "../../../crds/labels.ts";
import type { Clock } from "../../machinery/clock.ts";
import { isConflict } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatTime } from "../../machinery/time.ts";
import type { Item, ItemEvent } from "../../store/item.ts";
import { collectionPrefix, storeKey } from "../../store/keys.ts";
import { beaconsGroup, beaconUser } from "../authz/node-identity.ts";
import { countUse, findBootstrapToken, tokenIdOf } from "../authn/bootstrap-token.ts";
import { objectIn, objectsIn, textIn } from "../kinds/fill.ts";
import { changeItem, readItem, type Storage, write } from "../objects/storage.ts";
import { rootMark } from "../pki/authority-record.ts";
import { issueForKey, type KeyPair } from "../pki/issue.ts";
import { beaconRequestProblems, beaconSigner, requestedBeacon } from "./beacon-request.ts";
import { beaconCollection, rememberKey } from "./beacon-record.ts";
import { judgeRequest, type Judgement, type RequestSight } from "./judge-request.ts";
import { readRequest, type RequestFacts } from "./read-request.ts";

/** Where requests are kept. */
export const requestCollection = {
  group: "certificates.k8s.io",
  plural: "certificatesigningrequests",
};

/** How long a certificate of an agent holds, in milliseconds, unless a shorter time is asked for. */
const lifetimeMs = 7 * 86_400_000;

/** What tending requests needs. */
export type RequestTenderOptions = {
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
  /** The authority that signs, as it is now. */
  readonly issuer: () => KeyPair;
  readonly onError: (err: unknown) => void;
  /** Told of every verdict, for the server's log. */
  readonly onJudged?: (request: string, verdict: Judgement) => void;
};

type Draft = { readonly type: string; readonly reason: string; readonly message: string };

const conditionsOf = (request: AnyObject) => objectsIn(objectIn(request, "status"), "conditions");

const hasCondition = (request: AnyObject, type: string): boolean =>
  conditionsOf(request).some((one) => textIn(one, "type") === type);

/** Whether something is left to do: it is ours, and neither issued nor refused. */
function isOpen(request: AnyObject): boolean {
  const ours = textIn(objectIn(request, "spec"), "signerName") === beaconSigner;
  const issued = textIn(objectIn(request, "status"), "certificate") !== "";
  return ours && !issued && !hasCondition(request, "Denied") && !hasCondition(request, "Failed");
}

function usagesOf(request: AnyObject): readonly string[] {
  const usages = objectIn(request, "spec")?.["usages"];
  return Array.isArray(usages) ? usages.map(String) : [];
}

const specText = (request: AnyObject, field: string): string =>
  textIn(objectIn(request, "spec"), field);

/** Changes an open request; one that was closed meanwhile stays as it is. */
async function update(
  { storage }: RequestTenderOptions,
  request: AnyObject,
  change: (current: AnyObject) => AnyObject,
): Promise<void> {
  const key = storeKey(requestCollection, { name: request.metadata.name });
  const gone = new Error("the request is gone");
  try {
    await changeItem(
      storage,
      key,
      (current) => {
        if (current?.object.metadata.uid !== request.metadata.uid) throw gone;
        if (!isOpen(current.object)) return { does: "keep", item: current };
        return write("put", change(current.object));
      },
      { dryRun: false },
    );
  } catch (err) {
    if (err !== gone) throw err;
  }
}

function withCondition(request: AnyObject, { type, reason, message }: Draft, nowMs: number) {
  const now = formatTime(nowMs);
  const times = { lastUpdateTime: now, lastTransitionTime: now };
  const condition = { type, status: "True", reason, message, ...times };
  const status = objectIn(request, "status");
  const others = conditionsOf(request).filter((one) => textIn(one, "type") !== type);
  return { ...request, status: { ...status, conditions: [...others, condition] } };
}

async function refuse(options: RequestTenderOptions, request: AnyObject, draft: Draft) {
  const nowMs = options.clock.nowMs();
  await update(options, request, (current) => withCondition(current, draft, nowMs));
}

/** Says on the request why nobody has decided about it. */
async function postpone(options: RequestTenderOptions, request: AnyObject, why: string) {
  await update(options, request, (current) => {
    const annotations = { ...current.metadata.annotations, [annotation.pendingReason]: why };
    return { ...current, metadata: { ...current.metadata, annotations } };
  });
}

type Wanted = { readonly facts: RequestFacts; readonly beacon: string };

type Order = Wanted & {
  /** Absent: a person has approved it. */
  readonly approval?: Draft;
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** Whether it would be approved on this state of the Beacon, too. */
  readonly isAllowed: (stored: AnyObject | undefined) => boolean;
};

/** The Beacon is not any more as it was when the verdict was given. */
const outdated = new Error("The Beacon has changed meanwhile");

/** Signs, notes the key on the Beacon, and hands the certificate out, in this order. */
async function issue(
  options: RequestTenderOptions,
  request: AnyObject,
  { facts, beacon, approval, nodeLabels, isAllowed }: Order,
): Promise<void> {
  const nowMs = options.clock.nowMs();
  const asked = objectIn(request, "spec")?.["expirationSeconds"];
  const order = {
    identity: { user: beaconUser(beacon), groups: [beaconsGroup], unit: beaconSigner },
    publicKey: facts.publicKey,
    nowMs,
    lifetimeMs: typeof asked === "number" ? Math.min(asked * 1_000, lifetimeMs) : lifetimeMs,
  };
  const issuer = options.issuer();
  const certificate = await issueForKey(issuer, order);
  const expires = formatTime(nowMs + order.lifetimeMs);
  const key = { key: facts.fingerprint, expires, root: rootMark(issuer.certificate) };
  const record = { beacon, key, nodeLabels, nowMs };
  if (!(await rememberKey(options.storage, record, isAllowed))) throw outdated;
  await update(options, request, (current) => {
    const approved = approval === undefined ? current : withCondition(current, approval, nowMs);
    const status = { ...objectIn(approved, "status") };
    status["certificate"] = Buffer.from(certificate).toString("base64");
    return { ...approved, status };
  });
}

async function readWanted(request: AnyObject): Promise<Wanted | string> {
  try {
    const pem = Buffer.from(specText(request, "request"), "base64").toString();
    const facts = await readRequest(pem);
    const problems = beaconRequestProblems(facts, usagesOf(request));
    const beacon = requestedBeacon(facts);
    return problems.length > 0 || beacon === undefined ? problems.join("; ") : { facts, beacon };
  } catch (err) {
    return err instanceof Error ? err.message : String(err);
  }
}

/** The bootstrap token that a request came with, as it is now. */
async function tokenOf({ storage }: RequestTenderOptions, request: AnyObject) {
  const id = tokenIdOf(specText(request, "username"));
  return id === undefined ? undefined : findBootstrapToken(storage, id);
}

/** Everything that decides, but for the Beacon. */
async function sightOf(
  options: RequestTenderOptions,
  request: AnyObject,
  { facts, beacon }: Wanted,
): Promise<Omit<RequestSight, "stored">> {
  const user = specText(request, "username");
  const token = await tokenOf(options, request);
  const { uid } = request.metadata;
  return { beacon, key: facts.fingerprint, user, uid, token, nowMs: options.clock.nowMs() };
}

/** Approves what may be approved without a person, and counts the token's use first. */
async function approve(options: RequestTenderOptions, request: AnyObject, wanted: Wanted) {
  const { storage, clock, onJudged } = options;
  const key = storeKey(beaconCollection, { name: wanted.beacon });
  const stored = (await readItem(storage, key))?.object;
  const sight = await sightOf(options, request, wanted);
  const verdict = judgeRequest({ ...sight, stored });
  const { token } = sight;
  const by = { uid: request.metadata.uid, nowMs: clock.nowMs() };
  const counting = verdict.does === "approve" && token !== undefined;
  const lost = counting ? await countUse(storage, token.id, by) : undefined;
  const final: Judgement = lost === undefined ? verdict : { does: "deny", why: lost };
  onJudged?.(request.metadata.name, final);
  if (final.does === "wait") return postpone(options, request, final.why);
  if (final.does === "deny") {
    return refuse(options, request, { type: "Denied", reason: "Refused", message: final.why });
  }
  const approval = { type: "Approved", reason: "AutoApproved", message: final.why };
  // Its use is counted: what counts now is only whose the name is.
  const counted = { ...sight, token: await tokenOf(options, request) };
  await issue(options, request, {
    ...wanted,
    approval,
    nodeLabels: token?.nodeLabels ?? {},
    isAllowed: (current) => judgeRequest({ ...counted, stored: current }).does === "approve",
  });
}

async function tend(options: RequestTenderOptions, key: string): Promise<void> {
  const item = await readItem(options.storage, key);
  if (item === undefined || !isOpen(item.object)) return;
  const request = item.object;
  const wanted = await readWanted(request);
  if (typeof wanted === "string") {
    return refuse(options, request, { type: "Failed", reason: "NeverSigned", message: wanted });
  }
  if (!hasCondition(request, "Approved")) return approve(options, request, wanted);
  const token = await tokenOf(options, request);
  // A person has approved it: the use counts, and a token that is used up does not stand in the way.
  if (token !== undefined) {
    const by = { uid: request.metadata.uid, nowMs: options.clock.nowMs() };
    await countUse(options.storage, token.id, by);
  }
  const nodeLabels = token?.nodeLabels ?? {};
  await issue(options, request, { ...wanted, nodeLabels, isAllowed: () => true });
}

const maxRetries = 60;
const retryMs = 5_000;

type Running = RequestTenderOptions & { readonly signal: AbortSignal };

async function tendOne(running: Running, key: string, retries = 0): Promise<void> {
  if (running.signal.aborted) return;
  try {
    await tend(running, key);
  } catch (err) {
    if (running.signal.aborted) return;
    const lostRace = isConflict(err) || err === outdated;
    if (!lostRace) running.onError(err);
    if (retries === maxRetries) return;
    const waitMs = lostRace ? 0 : retryMs;
    setTimeout(() => void tendOne(running, key, retries + 1), waitMs).unref();
  }
}

/**
 * Decides about requests for agents' certificates and signs those that are approved, until the signal
 * aborts. Several servers of one store may do it side by side: every step is a
 * compare-and-set, or one that may be repeated.
 */
export function tendRequests(options: RequestTenderOptions, signal: AbortSignal): void {
  const running: Running = { ...options, signal };
  const { cache } = options.storage;
  const prefix = collectionPrefix(requestCollection);
  const look = (items: readonly Item[]): void => {
    for (const { key, object } of items) {
      if (isOpen(object)) void tendOne(running, key); // never rejects: failures are told and tried again
    }
  };
  const isNews = ({ type, item }: ItemEvent): boolean =>
    type === "ADDED" || (type === "MODIFIED" && hasCondition(item.object, "Approved"));
  const follow = (): void => {
    const subscription = cache.subscribe(prefix, cache.revision, {
      onEvents: (events) => look(events.filter(isNews).map(({ item }) => item)),
      onReset: () => queueMicrotask(follow),
    });
    signal.addEventListener("abort", () => subscription?.unsubscribe(), { once: true });
    look(cache.list(prefix));
  };
  if (!signal.aborted) follow();
}
