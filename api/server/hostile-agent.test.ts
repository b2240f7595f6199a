import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asUser } from "../../test/kit/app.ts";
import {
  admin,
  agentOf,
  beaconLabel as label,
  beaconNamed,
  eventAbout,
  nodeOf,
  openTwoBeacons,
  podOf,
  secretsOf,
  type Shot,
  titled,
  type TwoBeacons,
  url as urls,
} from "../../test/kit/two-beacons.ts";

const { core, shop, leases, beacons } = urls;
const evil = agentOf("evil");

let site: TwoBeacons;
beforeAll(async () => {
  site = await openTwoBeacons();
});
afterAll(() => site[Symbol.asyncDispose]());

const send: TwoBeacons["send"] = (...shot) => site.send(...shot);
const must: TwoBeacons["must"] = (...shot) => site.must(...shot);

const status = { status: { conditions: [{ type: "Ready", status: "False" }] } };
const evilLabel = { metadata: { labels: { [label]: "evil" } } };

const reading: readonly Shot[] = [
  ...secretsOf("good").map((name): Shot => ["GET", `${shop}/secrets/${name}`]),
  ["GET", `${shop}/secrets/good-cloud`],
  ["GET", `${core}/secrets`],
  ["GET", `${shop}/secrets`],
  ["GET", `${shop}/secrets?watch=1`],
  ["GET", `${core}/watch/secrets`],
  ["GET", `${shop}/secrets?fieldSelector=metadata.name%3Dgood-env`],
  ["GET", `${shop}/secrets?watch=1&fieldSelector=metadata.name%3Dgood-env`],
  ["GET", `${shop}/secrets?fieldSelector=metadata.name!%3Devil-env`],
  ["GET", `${core}/secrets?fieldSelector=metadata.name%3Devil-env`],
  // Nothing of a query may be read in two ways.
  ["GET", `${shop}/secrets??fieldSelector=metadata.name%3Devil-env`],
  ["GET", `${core}/pods??fieldSelector=spec.nodeName%3Devil-1`],
  ["GET", `${core}/nodes??labelSelector=${label}%3Devil`],
  ["GET", `${core}/pods#?fieldSelector=spec.nodeName%3Devil-1`],
  ["GET", `${core}/pods;fieldSelector=spec.nodeName%3Devil-1`],
  // The first of two counts, for whoever judges and for whoever answers.
  ["GET", `${shop}/secrets?fieldSelector=&fieldSelector=metadata.name%3Devil-env`],
  ["GET", `${shop}/configmaps/good-map`],
  ["GET", `${shop}/configmaps`],
  ["GET", `${shop}/serviceaccounts/good-account`],
  ["GET", `${shop}/serviceaccounts`],
  ["GET", `${core}/pods`],
  ["GET", `${shop}/pods`],
  ["GET", `${core}/pods?watch=1`],
  ["GET", `${shop}/pods/good-web`],
  ["GET", `${shop}/pods/good-web/log`],
  ["GET", `${shop}/pods/evil-web/log`],
  ["GET", `${core}/pods?fieldSelector=spec.nodeName%3Dgood-1`],
  ["GET", `${core}/pods?fieldSelector=spec.nodeName!%3Devil-1`],
  ["GET", `${core}/pods?watch=1&fieldSelector=spec.nodeName%3Dgood-1`],
  ["GET", `${core}/pods?fieldSelector=spec.nodeName%3Dgood-1&fieldSelector=spec.nodeName%3Devil-1`],
  ["GET", `${core}/pods?labelSelector=app%3Devil-web`],
  ["GET", `${core}/nodes`],
  ["GET", `${core}/nodes?watch=1`],
  ["GET", `${core}/nodes/good-1`],
  ["GET", `${core}/nodes?labelSelector=${label}%3Dgood`],
  ["GET", `${core}/nodes?labelSelector=${label}%20in%20(evil,good)`],
  ["GET", `${core}/nodes?labelSelector=${label}!%3Devil`],
  ["GET", `${core}/nodes?labelSelector=${label}`],
  ["GET", `${core}/nodes?fieldSelector=metadata.name%3Dgood-1`],
  ["GET", `${core}/nodes/good-1/proxy/info`],
  ["GET", `${core}/nodes/evil-1/proxy/info`],
  ["GET", `${core}/events`],
  ["GET", `${shop}/events`],
  ["GET", beacons],
  ["GET", `${beacons}/good`],
  ["GET", `${beacons}?fieldSelector=metadata.name%3Dgood`],
  ["GET", `${leases}/kube-node-lease/leases`],
  ["GET", `${leases}/kube-node-lease/leases/good-1`],
  ["GET", `${leases}/lighthouse-node-lease/leases/good`],
  ["GET", `${leases}/kube-system/leases/lighthouse-controllers`],
  ["GET", `${core}/namespaces`],
  ["GET", `${core}/namespaces/shop`],
  ["GET", "/apis/lighthouse.dev/v1/applications"],
  ["GET", "/apis/lighthouse.dev/v1/namespaces/shop/revisions"],
  ["GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles"],
  ["GET", "/metrics"],
];

const writing: readonly Shot[] = [
  ["PATCH", `${core}/nodes/good-1`, evilLabel],
  ["PATCH", `${core}/nodes/good-1/status`, status],
  ["PUT", `${core}/nodes/good-1`, nodeOf("good-1", "evil")],
  ["PUT", `${core}/nodes/good-1/status`, nodeOf("good-1", "evil", status)],
  ["DELETE", `${core}/nodes/good-1`],
  ["DELETE", `${core}/nodes`],
  ["PATCH", `${core}/nodes/evil-1`, { metadata: { labels: { [label]: "good" } } }],
  ["PATCH", `${core}/nodes/evil-1`, { metadata: { labels: { [label]: null } } }],
  ["PATCH", `${core}/nodes/evil-1/status`, { metadata: { labels: { [label]: "good" } } }],
  [
    "PATCH",
    `${core}/nodes/evil-1/status`,
    { metadata: { labels: { "node-restriction.kubernetes.io/vault": "yes" } } },
  ],
  [
    "PATCH",
    `${core}/nodes/evil-1`,
    { metadata: { labels: { "node-role.kubernetes.io/control-plane": "" } } },
  ],
  ["PATCH", `${core}/nodes/evil-1`, { spec: { unschedulable: true } }],
  ["PATCH", `${core}/nodes/evil-1`, { spec: { podCIDR: "10.0.0.0/8" } }],
  ["POST", `${core}/nodes`, nodeOf("evil-2", "good")],
  ["POST", `${core}/nodes`, { metadata: { name: "evil-2" } }],
  ["POST", `${core}/nodes`, nodeOf("evil-2", "evil", { spec: { providerID: "docker://good-1" } })],
  ["PATCH", `${shop}/pods/good-web/status`, { status: { phase: "Failed" } }],
  ["PUT", `${shop}/pods/good-web/status`, podOf("good-web", "evil-1", "good")],
  ["PATCH", `${shop}/pods/good-web`, { metadata: { labels: { app: "x" } } }],
  ["DELETE", `${shop}/pods/good-web`],
  ["POST", `${shop}/pods/good-web/eviction`, { metadata: { name: "good-web" } }],
  ["DELETE", `${shop}/pods`],
  ["DELETE", `${shop}/pods/evil-web`],
  ["PATCH", `${shop}/pods/evil-web`, { metadata: { labels: { app: "x" } } }],
  ["PATCH", `${shop}/pods/evil-web/status`, { metadata: { labels: { app: "x" } } }],
  ["PATCH", `${shop}/pods/evil-web/status`, { metadata: { annotations: { a: "x" } } }],
  ["POST", `${shop}/pods`, podOf("mirror", "evil-1", "good")],
  ["POST", `${shop}/pods/good-web/binding`, { target: { kind: "Node", name: "evil-1" } }],
  ["POST", `${shop}/pods/good-web/exec?command=id`, {}],
  ["PATCH", `${shop}/pods/evil-web/ephemeralcontainers`, { spec: { ephemeralContainers: [] } }],
  ["POST", `${shop}/secrets`, { metadata: { name: "mine" } }],
  ["PATCH", `${shop}/secrets/evil-env`, { data: {} }],
  ["DELETE", `${shop}/secrets/evil-env`],
  ["PATCH", `${shop}/configmaps/evil-map`, { data: { k: "x" } }],
  ["POST", `${shop}/serviceaccounts/good-account/token`, {}],
  ["POST", `${shop}/serviceaccounts/evil-account/token`, {}],
  ["PATCH", `${leases}/kube-node-lease/leases/good-1`, { spec: { holderIdentity: "evil" } }],
  ["DELETE", `${leases}/kube-node-lease/leases/good-1`],
  ["POST", `${leases}/kube-node-lease/leases`, { metadata: { name: "other" } }],
  ["PATCH", `${leases}/lighthouse-node-lease/leases/good`, { spec: { holderIdentity: "evil" } }],
  ["POST", `${leases}/lighthouse-node-lease/leases`, { metadata: { name: "other" } }],
  ["POST", `${leases}/kube-system/leases`, { metadata: { name: "lighthouse-controllers" } }],
  ["PATCH", `${beacons}/good/status`, { status: { version: "6.6.6" } }],
  ["PATCH", `${beacons}/good`, { spec: { paused: true } }],
  [
    "PATCH",
    `${beacons}/evil`,
    { spec: { credentialsRef: { namespace: "shop", name: "good-cloud" } } },
  ],
  ["DELETE", `${beacons}/good`],
  ["DELETE", `${beacons}/evil`],
  ["POST", beacons, beaconNamed("third")],
  ["PATCH", `${shop}/events/good.event`, { message: "all is well" }],
  ["DELETE", `${shop}/events/evil.event`],
  ["PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/cluster-admin", {}],
  [
    "POST",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    {
      metadata: { name: "mine" },
      roleRef: { kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "Group", name: "system:beacons" }],
    },
  ],
  ["POST", "/apis/lighthouse.dev/v1/namespaces/shop/applications", { metadata: { name: "mine" } }],
];

describe("an agent that wants what belongs to another beacon", () => {
  test.each(reading.map(titled))("is refused $title", async ({ shot }) => {
    const { code, body } = await send(evil, ...shot);
    expect([code, body["reason"]]).toEqual([403, "Forbidden"]);
  });

  test.each(writing.map(titled))("is refused $title, and nothing changes", async ({ shot }) => {
    const before = await site.everything();
    const { code, body } = await send(evil, ...shot);
    expect([code, body["reason"]]).toEqual([403, "Forbidden"]);
    expect(await site.everything()).toBe(before);
  });

  test.each(["Impersonate-User: system:beacon:good", "Impersonate-Group: system:masters"])(
    "is refused %s",
    async (header) => {
      const [name = "", value = ""] = header.split(": ");
      const by = { ...evil, "impersonate-user": "system:beacon:evil", [name.toLowerCase()]: value };
      expect((await send(by, "GET", `${core}/nodes/evil-1`)).code).toBe(403);
    },
  );

  test("may not report events about others, or as others", async () => {
    const before = await site.everything();
    const theirs = await must(admin, "GET", `${shop}/pods/good-web`);
    const own = await must(admin, "GET", `${shop}/pods/evil-web`);
    const node = await must(admin, "GET", `${core}/nodes/good-1`);
    const shots: readonly (readonly [string, object])[] = [
      [`${shop}/events`, eventAbout(theirs, "e1")],
      [`${core}/namespaces/default/events`, eventAbout(node, "e2")],
      [`${shop}/events`, { ...eventAbout(own, "e3"), reportingComponent: "default-scheduler" }],
    ];
    for (const [url, body] of shots) expect((await send(evil, "POST", url, body)).code).toBe(403);
    const moved = eventAbout(theirs, "evil.event");
    expect((await send(evil, "PUT", `${shop}/events/evil.event`, moved)).code).toBe(403);
    expect(await site.everything()).toBe(before);
  });

  test("may not make a Beacon that reads a Secret", async () => {
    const spec = { credentialsRef: { namespace: "shop", name: "good-cloud" } };
    const fresh = agentOf("fresh");
    const made = await send(fresh, "POST", beacons, { ...beaconNamed("fresh"), spec });
    expect(made.code).toBe(403);
  });

  test("may not say which server holds its tunnel: others would dial whatever it names", async () => {
    const lies = { server: "https://10.0.0.1:2379", address: "1.2.3.4:5", version: "9" };
    const { status: told } = await must(evil, "PATCH", `${beacons}/evil/status`, { status: lies });
    expect(told).toEqual({ version: "9" });
    const status = { server: "https://a.example:6443", lastSeen: "2026-01-01T00:00:00Z" };
    await must(admin, "PATCH", `${beacons}/evil/status`, { status });
    const gone = { status: { ...lies, server: null, lastSeen: null } };
    expect(await must(evil, "PATCH", `${beacons}/evil/status`, gone)).toMatchObject({ status });
  });

  test("may do nothing when its certificate names no beacon", async () => {
    const nameless = asUser("mallory", "system:beacons");
    const shots: readonly Shot[] = [
      ["GET", `${core}/nodes/evil-1`],
      ["POST", `${core}/nodes`, nodeOf("evil-3", "")],
      ["GET", `${shop}/secrets/evil-env`],
      ["PATCH", `${core}/nodes/evil-1`, {}],
    ];
    for (const shot of shots) expect((await send(nameless, ...shot)).code).toBe(403);
  });

  test("has no more rights by RBAC on what others own", async () => {
    await must(admin, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
      metadata: { name: "careless" },
      roleRef: { kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "Group", name: "system:beacons" }],
    });
    const before = await site.everything();
    const shots: readonly Shot[] = [
      ["PATCH", `${core}/nodes/good-1`, evilLabel],
      ["DELETE", `${core}/nodes/good-1`],
      ["DELETE", `${shop}/pods/good-web`],
      ["POST", `${shop}/pods`, podOf("mirror", "evil-1", "good")],
      ["PATCH", `${leases}/kube-node-lease/leases/good-1`, { spec: {} }],
      ["PATCH", `${beacons}/good`, { spec: { paused: true } }],
    ];
    for (const shot of shots) expect((await send(evil, ...shot)).code).toBe(403);
    expect(await site.everything()).toBe(before);
    const careless = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/careless";
    await must(admin, "DELETE", careless);
    await expect.poll(async () => (await send(evil, "GET", `${core}/nodes`)).code).toBe(403);
  });
});
