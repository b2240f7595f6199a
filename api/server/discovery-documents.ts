import { apiVersionOf, type Gvk } from "../machinery/gvk.ts";
import { compareVersions } from "../machinery/version-order.ts";
import type { KindInfo, Kinds, Verb } from "./kinds/kind.ts";

type Json = { readonly [field: string]: unknown };

/** The kinds of one group and version. */
type Version = { readonly version: string; readonly kinds: readonly KindInfo[] };
/** One API group; the preferred version first. The core group is the empty string. */
type Group = { readonly group: string; readonly versions: readonly Version[] };

/** Groups in Kubernetes' order: the core, the built-in ones, then those of definitions. */
export function groupsOf(kinds: Kinds): readonly Group[] {
  const groups = new Map<string, Map<string, KindInfo[]>>();
  for (const kind of kinds.list()) {
    const versions = groups.get(kind.group) ?? new Map<string, KindInfo[]>();
    groups.set(kind.group, versions);
    const list = versions.get(kind.version) ?? [];
    versions.set(kind.version, [...list, kind]);
  }
  return [...groups].map(([group, versions]) => ({
    group,
    versions: [...versions]
      .map(([version, list]) => ({ version, kinds: list }))
      .sort((left, right) => compareVersions(left.version, right.version)),
  }));
}

const sorted = (verbs: readonly Verb[]): readonly Verb[] => [...verbs].sort();

const kindRef = ({ group, version, kind }: Gvk): Json => ({ group, version, kind });

/** The unaggregated form: one entry per resource and per subresource. */
function resourcesOf(info: KindInfo): readonly Json[] {
  const main = {
    name: info.plural,
    singularName: info.singular,
    namespaced: info.namespaced,
    kind: info.kind,
    verbs: sorted(info.verbs),
    ...(info.shortNames.length === 0 ? {} : { shortNames: info.shortNames }),
    ...(info.categories.length === 0 ? {} : { categories: info.categories }),
  };
  const parts = info.subresources.map(({ name, responseKind, verbs }) => {
    const own = responseKind.group === info.group && responseKind.version === info.version;
    return {
      name: `${info.plural}/${name}`,
      singularName: "",
      namespaced: info.namespaced,
      ...(own ? {} : { group: responseKind.group, version: responseKind.version }),
      kind: responseKind.kind,
      verbs: sorted(verbs),
    };
  });
  return [main, ...parts];
}

/** `GET /api/v1` and `GET /apis/GROUP/VERSION`. */
export function resourceList(group: string, { version, kinds }: Version): Json {
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group, version }),
    resources: kinds.flatMap(resourcesOf),
  };
}

const versionRef = (group: string, version: string): Json => ({
  groupVersion: apiVersionOf({ group, version }),
  version,
});

/** `GET /apis/GROUP`. */
export function apiGroup({ group, versions }: Group): Json {
  const refs = versions.map(({ version }) => versionRef(group, version));
  return {
    kind: "APIGroup",
    apiVersion: "v1",
    name: group,
    versions: refs,
    preferredVersion: refs[0],
  };
}

/** `GET /apis`. */
export function groupList(groups: readonly Group[]): Json {
  const named = groups.filter(({ group }) => group !== "");
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: named.map((group) => {
      const { kind: _kind, apiVersion: _apiVersion, ...entry } = apiGroup(group);
      return entry;
    }),
  };
}

/** `GET /`: every path a client may go on from. */
export function rootPaths(groups: readonly Group[]): Json {
  const below = groups.flatMap(({ group, versions }) => [
    ...(group === "" ? [] : [`/apis/${group}`]),
    ...versions.map(({ version }) => `${group === "" ? "/api" : `/apis/${group}`}/${version}`),
  ]);
  const fixed = [
    "/api",
    "/apis",
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/readyz",
  ];
  return { paths: [...fixed, "/version", ...below].sort() };
}

/** `GET /api`. `host` is where the client reached us. */
export function coreVersions(groups: readonly Group[], host: string): Json {
  const core = groups.find(({ group }) => group === "");
  return {
    kind: "APIVersions",
    versions: core?.versions.map(({ version }) => version) ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: host }],
  };
}

// Clients drop a resource, and everything below it, that has no responseKind.
function aggregatedResource(info: KindInfo): Json {
  return {
    resource: info.plural,
    responseKind: kindRef(info),
    scope: info.namespaced ? "Namespaced" : "Cluster",
    singularResource: info.singular,
    verbs: sorted(info.verbs),
    ...(info.shortNames.length === 0 ? {} : { shortNames: info.shortNames }),
    ...(info.categories.length === 0 ? {} : { categories: info.categories }),
    ...(info.subresources.length === 0
      ? {}
      : {
          subresources: info.subresources.map(({ name, responseKind, verbs }) => ({
            subresource: name,
            responseKind: kindRef(responseKind),
            verbs: sorted(verbs),
          })),
        }),
  };
}

/** The aggregated form of `GET /api` (core group only) or `GET /apis` (the others). */
export function aggregated(groups: readonly Group[], version: "v2" | "v2beta1"): Json {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versions.map((one) => ({
        version: one.version,
        resources: one.kinds.map(aggregatedResource),
        freshness: "Current",
      })),
    })),
  };
}
