import { expect } from "vitest";
import type { JsonObject } from "../../api/server/kinds/kind.ts";
import { type Answer, asUser, type Method, openTestApp, type TestApp } from "./app.ts";

/** Headers of somebody. */
export type By = Record<string, string>;

/** One request. */
export type Shot = readonly [method: Method, url: string, body?: object];

/** For a table of tests. */
export function titled(shot: Shot): { readonly title: string; readonly shot: Shot } {
  const [method, path, body] = shot;
  return { title: `${method} ${path} ${body === undefined ? "" : JSON.stringify(body)}`, shot };
}

/** Who owns the cluster. */
export const admin = asUser("root", "system:masters");

/** The agent of a beacon. */
export const agentOf = (beacon: string): By => asUser(`system:beacon:${beacon}`, "system:beacons");

/** The label by which Nodes belong to beacons. */
export const beaconLabel = "lighthouse.dev/beacon";

/** Where things are. */
export const url = {
  core: "/api/v1",
  shop: "/api/v1/namespaces/shop",
  leases: "/apis/coordination.k8s.io/v1/namespaces",
  beacons: "/apis/lighthouse.dev/v1/beacons",
} as const;
const { core, shop, leases, beacons } = url;
const merge = "application/merge-patch+json";

/** A Node as its agent makes it; its engine is called as the Node. */
export const nodeOf = (name: string, beacon: string, over: object = {}): object => ({
  metadata: { name, labels: { [beaconLabel]: beacon } },
  spec: { providerID: `docker://${name}` },
  ...over,
});

/** A Beacon that asks for nothing. */
export const beaconNamed = (name: string): object => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Beacon",
  metadata: { name },
});

/** A Pod that names an object in every way there is. */
export const podOf = (name: string, node: string, prefix: string): object => ({
  metadata: { name, labels: { app: name } },
  spec: {
    nodeName: node,
    serviceAccountName: `${prefix}-account`,
    imagePullSecrets: [{ name: `${prefix}-pull` }],
    initContainers: [
      { name: "init", image: "i", envFrom: [{ secretRef: { name: `${prefix}-from` } }] },
    ],
    containers: [
      {
        name: "main",
        image: "i",
        env: [
          { name: "A", valueFrom: { secretKeyRef: { name: `${prefix}-env`, key: "k" } } },
          { name: "B", valueFrom: { configMapKeyRef: { name: `${prefix}-map`, key: "k" } } },
        ],
      },
    ],
    volumes: [
      { name: "s", secret: { secretName: `${prefix}-volume` } },
      { name: "p", projected: { sources: [{ secret: { name: `${prefix}-projected` } }] } },
    ],
  },
});

/** The Secrets that such a Pod names. */
export const secretsOf = (prefix: string): readonly string[] =>
  ["pull", "from", "env", "volume", "projected"].map((way) => `${prefix}-${way}`);

/** An Event of an agent about an object. */
export const eventAbout = ({ metadata, kind, apiVersion }: JsonObject, name: string): object => {
  const about = metadata as { name: string; namespace?: string; uid: string };
  return {
    metadata: { name },
    involvedObject: {
      kind,
      apiVersion,
      name: about.name,
      uid: about.uid,
      ...(about.namespace === undefined ? {} : { namespace: about.namespace }),
    },
    source: { component: "lighthouse-agent" },
    reportingComponent: "lighthouse-agent",
    reason: "Testing",
    type: "Normal",
  };
};

/** A server with the beacons `evil` and `good`, each with a Node, a Pod and all that this one names. */
export type TwoBeacons = AsyncDisposable & {
  readonly server: TestApp;
  send(by: By, ...shot: Shot): Promise<Answer>;
  /** The same, and it must succeed. */
  must(by: By, ...shot: Shot): Promise<JsonObject>;
  /** Everything that is stored, to see whether it changed. */
  everything(): Promise<string>;
};

type Must = TwoBeacons["must"];

async function furnish(must: Must): Promise<void> {
  await must(admin, "POST", `${core}/namespaces`, { metadata: { name: "shop" } });
  for (const prefix of ["evil", "good"]) {
    await must(admin, "POST", `${shop}/serviceaccounts`, {
      metadata: { name: `${prefix}-account` },
    });
    await must(admin, "POST", `${shop}/configmaps`, { metadata: { name: `${prefix}-map` } });
    for (const name of [...secretsOf(prefix), `${prefix}-cloud`]) {
      await must(admin, "POST", `${shop}/secrets`, { metadata: { name } });
    }
    const agent = agentOf(prefix);
    const spec = { credentialsRef: { namespace: "shop", name: `${prefix}-cloud` } };
    await must(agent, "POST", beacons, beaconNamed(prefix));
    await must(admin, "PATCH", `${beacons}/${prefix}`, { spec });
    await must(agent, "POST", `${core}/nodes`, nodeOf(`${prefix}-1`, prefix));
    await must(agent, "POST", `${leases}/kube-node-lease/leases`, {
      metadata: { name: `${prefix}-1` },
    });
    await must(agent, "POST", `${leases}/lighthouse-node-lease/leases`, {
      metadata: { name: prefix },
    });
    await must(admin, "POST", `${shop}/pods`, podOf(`${prefix}-web`, `${prefix}-1`, prefix));
    const pod = await must(agent, "GET", `${shop}/pods/${prefix}-web`);
    await must(agent, "POST", `${shop}/events`, eventAbout(pod, `${prefix}.event`));
  }
}

async function everything(must: Must): Promise<string> {
  const kinds = ["nodes", "pods", "secrets", "configmaps", "events", "serviceaccounts"];
  const urls = [
    ...kinds.map((plural) => `${core}/${plural}`),
    "/apis/coordination.k8s.io/v1/leases",
    beacons,
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
  ];
  const lists = await Promise.all(urls.map((url) => must(admin, "GET", url)));
  return JSON.stringify(lists.map((list) => list["items"]));
}

/** Opens such a server; every request is judged by who sends it. */
export async function openTwoBeacons(): Promise<TwoBeacons> {
  const server = await openTestApp({ guarded: true });
  const send = (by: By, ...[method, path, body]: Shot): Promise<Answer> => {
    const type = method === "PATCH" ? { type: merge } : {};
    return server.send(method, path, body, { headers: by, ...type });
  };
  const must = async (by: By, ...shot: Shot): Promise<JsonObject> => {
    const { code, body } = await send(by, ...shot);
    const why = code < 300 ? "" : body["message"];
    expect([shot[0], shot[1], why]).toEqual([shot[0], shot[1], ""]);
    return body;
  };
  await furnish(must);
  return {
    server,
    send,
    must,
    everything: () => everything(must),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
