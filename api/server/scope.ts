import { crds } from "../../crds/crds.ts";
import type { Clock } from "../machinery/clock.ts";
import { isConflict } from "../machinery/errors.ts";
import { equalJson } from "../machinery/equality.ts";
import { formatTime } from "../machinery/time.ts";
import { encodeObject } from "../store/item.ts";
import type { WindowLimits } from "../store/cached-collection.ts";
import { storeKey } from "../store/keys.ts";
import type { Store } from "../store/store.ts";
import { behind, openWatchCache, type WatchCache } from "../store/watch-cache.ts";
import { admissionChain } from "./admission/chain.ts";
import { applicationRecords } from "./admission/application-records.ts";
import { applicationRefusals } from "./admission/application-refusals.ts";
import { dataSourceRefusals } from "./admission/data-sources.ts";
import { namespaceAdmission } from "./admission/namespaces.ts";
import { namespaceNodeSelector } from "./admission/namespace-node-selector.ts";
import { limitRangeAdmission } from "./admission/limit-range.ts";
import { nodeRestriction } from "./admission/node-restriction.ts";
import { configuredAdmission } from "./admission/configured.ts";
import { type AdmissionSettings, defaultAdmission } from "./admission/settings.ts";
import { ownerGrants } from "./admission/owner-grants.ts";
import { quotaAdmission } from "./admission/quota.ts";
import { serviceAccountAdmission } from "./admission/service-accounts.ts";
import { rbacEscalation } from "./admission/rbac-escalation.ts";
import { beaconKeysAdmission } from "./certificates/admit-beacons.ts";
import { requestAdmission } from "./certificates/admit-requests.ts";
import { fillRbac } from "./authz/fill-rbac.ts";
import { followNodes } from "./authz/follow-nodes.ts";
import { followRbac } from "./authz/follow-rbac.ts";
import { keepAggregated } from "./authz/keep-aggregated.ts";
import { withNodeProxy } from "./authz/node-proxy.ts";
import { withNodeRights } from "./authz/node-authorizer.ts";
import { rbacRights } from "./authz/rbac-authorizer.ts";
import { withOwnPassword } from "./identity/own-password.ts";
import { userAdmission } from "./identity/user-admission.ts";
import { followUsers, type Users } from "./identity/users.ts";
import { holdAdmission } from "./backup/hold.ts";
import { builtIn } from "./kinds/built-in.ts";
import { builtInKinds } from "./kinds/built-in-kinds.ts";
import { fieldTypes } from "./fields/field-types.ts";
import { followCrds, storedCrds } from "./crds/follow-crds.ts";
import { tendCrds } from "./crds/tend-crds.ts";
import { definitionSchemas } from "./kinds/definitions.ts";
import type { Body, Kind, Kinds } from "./kinds/kind.ts";
import { type MetricsSource, noMetrics } from "./kinds/metrics.ts";
import { kindTable } from "./kinds/table.ts";
import { metricsSource } from "./node-metrics/metrics-source.ts";
import { nodeReadings } from "./node-metrics/node-readings.ts";
import { newUid, type Scope } from "./objects/call.ts";
import { readItem, type Storage } from "./objects/storage.ts";
import { builtInDefinitions } from "./openapi/builtin.ts";
import type { NodeStreams } from "./pods/pod-streams.ts";
import type { PlanRollout } from "./rollouts/planner.ts";
import { planWarnings } from "./rollouts/plan-warnings.ts";
import { reviewKinds } from "./reviews/review-kinds.ts";
import { type TokenUser, withTokenUsers } from "./reviews/token-users.ts";
import { type TokenReviewer, tokenReviewer } from "./tokens/account-review.ts";
import { accountTokens, defaultIssuer } from "./tokens/account-tokens.ts";
import { passingTokenKeys, type TokenKeys } from "./tokens/token-keys.ts";

/** What the endpoints work on, and the cache that must be closed after them. */
export type OwnedScope = Scope & {
  readonly cache: WatchCache;
  readonly reviewer: TokenReviewer;
  readonly users: Users;
};

/** What the server and its tests decide about a scope. */
export type ScopeOptions = {
  /** Told of failures that do not end the server. */
  readonly onError?: (err: unknown, what: string) => void;
  /** How much history the cache keeps; the default suits the product. */
  readonly limits?: WindowLimits;
  /** Default: keys of this process alone. */
  readonly tokenKeys?: TokenKeys;
  /** Default: `defaultIssuer`. */
  readonly tokenIssuer?: string;
  /** Works out what an Application would lead to. Absent: dry runs do not tell. */
  readonly planRollout?: PlanRollout;
  /** Default: `defaultAdmission`. */
  readonly admission?: AdmissionSettings;
  /** Who bears tokens that are no ServiceAccount's, for TokenReviews. Absent: nobody does. */
  readonly tokenUser?: TokenUser;
  /** Who is asked for metrics. Absent: there are none. */
  readonly nodes?: Pick<NodeStreams, "handler">;
};

type Parts = { readonly storage: Storage; readonly clock: Pick<Clock, "nowMs"> };

/** Namespaces that are there from the first start. */
export const firstNamespaces = [
  "default",
  "kube-system",
  "kube-public",
  "kube-node-lease",
  "lighthouse-system",
  "lighthouse-node-lease",
] as const;

/**
 * Reads the store into the cache, creates what a fresh store lacks, and serves all kinds.
 * @throws StatusError `ServiceUnavailable` when the store cannot be reached
 */
export async function openScope(
  store: Store,
  clock: Pick<Clock, "nowMs">,
  {
    onError = () => {},
    limits,
    tokenKeys = passingTokenKeys(),
    tokenIssuer: issuer = defaultIssuer,
    planRollout,
    nodes,
    tokenUser = async () => undefined,
    admission: settings = defaultAdmission,
  }: ScopeOptions = {},
): Promise<OwnedScope> {
  const definitions = await builtInDefinitions();
  const cache = await openCache(store, onError, limits);
  const storage: Storage = { store, cache };
  const world = { now: () => clock.nowMs(), crds: () => storedCrds(cache) };
  const graph = followNodes(cache);
  const byRoles = withNodeProxy(rbacRights(followRbac(cache)));
  const rights = withOwnPassword(withNodeRights(byRoles, { graph, storage }));
  const users = followUsers(cache);
  const tokens = accountTokens({ keys: tokenKeys, clock, issuer });
  const reviewer = tokenReviewer({ tokens, storage, clock });
  const schemas = definitionSchemas(definitions);
  const reviewsOf = { rights, reviewer: withTokenUsers(reviewer, tokenUser, issuer) };
  const reviews = reviewKinds(reviewsOf).map((kind) => builtIn(kind, schemas));
  const kinds = kindTable([
    ...builtInKinds(schemas, world, metricsOf({ storage, clock }, nodes)),
    ...reviews,
  ]);
  await fillStore({ storage, clock }, kinds);
  followCrds(cache, kinds, (name, err) => onError(err, `serve ${name}`));
  tendCrds({ storage, kinds, clock, onError: (err) => onError(err, "tend the CRDs") });
  await keepAggregated(storage, (err) => onError(err, "aggregate roles"));
  const admission = admissionChain([
    ...nodeAdmission(storage, graph),
    namespaceAdmission(storage),
    serviceAccountAdmission(storage),
    namespaceNodeSelector(storage),
    limitRangeAdmission(storage),
    rbacEscalation(rights),
    userAdmission({ rights, cache, users }),
    requestAdmission({ rights, storage, clock }),
    beaconKeysAdmission(),
    applicationRecords(rights),
    applicationRefusals({ storage }),
    dataSourceRefusals(),
    ...configuredAdmission({ storage, clock, kinds, definitions, rights, settings }),
    planWarnings({ storage, clock, planRollout }),
    quotaAdmission({ storage, clock }),
    ownerGrants({ storage, clock }),
  ]);
  const planner = planRollout === undefined ? {} : { planRollout };
  const shared = { storage, kinds, admission, rights, tokens, clock, ...planner };
  const types = { fieldTypes: fieldTypes(definitions), imagePolicy: settings.images };
  return { ...shared, cache, reviewer, users, ...types };
}

/** What guards writes of agents, and of Nodes. */
const nodeAdmission = (storage: Storage, graph: ReturnType<typeof followNodes>) => [
  nodeRestriction({ graph }),
  holdAdmission(storage),
];

function openCache(
  store: Store,
  onError: NonNullable<ScopeOptions["onError"]>,
  limits: WindowLimits | undefined,
): Promise<WatchCache> {
  return openWatchCache(store, {
    onError: (err) => onError(err, "watch the store"),
    ...(limits === undefined ? {} : { limits }),
  });
}

function metricsOf({ storage, clock }: Parts, nodes: ScopeOptions["nodes"]): MetricsSource {
  if (nodes === undefined) return noMetrics;
  const readings = nodeReadings({ nodes, nowMs: () => clock.nowMs() });
  return metricsSource({ storage, readings });
}

/** Creates what a fresh store lacks, and brings our own CRDs up to date. */
async function fillStore(parts: Parts, kinds: Kinds): Promise<void> {
  const namespaces = required(kinds.find("", "v1", "namespaces"));
  const namespaceBodies = firstNamespaces.map((name): Body => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name },
  }));
  const definitions = required(
    kinds.find("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
  );
  // All at once: writers side by side share their way to the disk.
  await Promise.all([
    ...namespaceBodies.map((body) => ensure(parts, namespaces, body)),
    ...crds.map((crd) => ensure(parts, definitions, structuredClone(crd))),
    fillRbac(parts),
  ]);
  const { store, cache } = parts.storage;
  const { revision } = await store.head();
  if (!(await cache.reach(revision, 5_000))) throw behind();
}

function required(kind: Kind | undefined): Kind {
  if (kind === undefined) throw new Error("Cannot start: a built-in kind is missing");
  return kind;
}

/** Creates an object, or brings the spec of one that is there up to date. */
async function ensure({ storage, clock }: Parts, kind: Kind, object: Body): Promise<void> {
  const { name = "" } = object.metadata;
  const key = storeKey(kind, { name });
  const found = await readItem(storage, key);
  kind.strategy.setDefaults(object);
  if (found === undefined) {
    object.metadata = {
      ...object.metadata,
      uid: newUid(),
      creationTimestamp: formatTime(clock.nowMs()),
      ...(kind.generation === false ? {} : { generation: 1 }),
    };
    kind.strategy.prepareCreate(object);
    await put(storage.store, key, object, 0);
    return;
  }
  const { spec } = object;
  if (kind.plural === "namespaces" || equalJson(spec, found.object["spec"])) return;
  const generation = (found.object.metadata.generation ?? 0) + 1;
  const metadata = { ...found.object.metadata, generation };
  await put(storage.store, key, { ...found.object, metadata, spec }, found.at);
}

async function put(store: Store, key: string, object: Body, expected: number): Promise<void> {
  try {
    await store.put(key, encodeObject(object), expected);
  } catch (err) {
    if (!isConflict(err)) throw err; // another server of the same store was faster, with the same
  }
}
