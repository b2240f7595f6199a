import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "./kinds/kind.ts";
import { objectIn, objectsIn } from "./kinds/fill.ts";
import {
  admin,
  agentOf,
  beaconLabel as label,
  type By,
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
const [evil, good] = [agentOf("evil"), agentOf("good")];

let site: TwoBeacons;
beforeAll(async () => {
  site = await openTwoBeacons();
});
afterAll(() => site[Symbol.asyncDispose]());

const send: TwoBeacons["send"] = (...shot) => site.send(...shot);
const must: TwoBeacons["must"] = (...shot) => site.must(...shot);

describe("an honest agent", () => {
  const own: readonly Shot[] = [
    ["GET", `${core}/namespaces/kube-system`],
    ...secretsOf("good").map((name): Shot => ["GET", `${shop}/secrets/${name}`]),
    ["GET", `${shop}/secrets/good-cloud`],
    ["GET", `${shop}/secrets?fieldSelector=metadata.name%3Dgood-env`],
    ["GET", `${shop}/configmaps/good-map`],
    ["GET", `${shop}/serviceaccounts/good-account`],
    ["GET", `${core}/pods?fieldSelector=spec.nodeName%3Dgood-1`],
    ["GET", `${shop}/pods/good-web`],
    ["GET", `${core}/nodes/good-1`],
    ["GET", `${core}/nodes?labelSelector=${label}%3Dgood`],
    ["GET", `${beacons}/good`],
    ["GET", `${beacons}?fieldSelector=metadata.name%3Dgood`],
    ["PATCH", `${core}/nodes/good-1`, { metadata: { labels: { "x.dev/rack": "7" } } }],
    ["PATCH", `${core}/nodes/good-1/status`, { status: { capacity: { cpu: "2" } } }],
    ["PATCH", `${shop}/pods/good-web/status`, { status: { phase: "Running" } }],
    ["PATCH", `${leases}/kube-node-lease/leases/good-1`, { spec: { holderIdentity: "good" } }],
    ["PATCH", `${leases}/lighthouse-node-lease/leases/good`, { spec: { holderIdentity: "a" } }],
    ["PATCH", `${beacons}/good/status`, { status: { version: "1.0.0" } }],
    ["PATCH", `${shop}/events/good.event`, { message: "again" }],
  ];

  test.each(own.map(titled))("may $title", async ({ shot }) => {
    await must(good, ...shot);
  });

  test("ends its Pods once their deletion was asked for, and tells how", async () => {
    await must(admin, "POST", `${shop}/pods`, podOf("good-2", "good-1", "good"));
    const url = `${shop}/pods/good-2`;
    const pod = await must(good, "GET", url);
    await must(admin, "DELETE", url);
    await must(good, "DELETE", `${url}?gracePeriodSeconds=0`);
    expect((await send(admin, "GET", url)).code).toBe(404);
    await must(good, "POST", `${shop}/events`, eventAbout(pod, "good-2.gone"));
  });

  test("loses a Secret with the last Pod that names it", async () => {
    await must(admin, "POST", `${shop}/secrets`, { metadata: { name: "late-env" } });
    await must(admin, "POST", `${shop}/serviceaccounts`, { metadata: { name: "late-account" } });
    await must(admin, "POST", `${shop}/pods`, podOf("good-3", "good-1", "late"));
    await must(good, "GET", `${shop}/secrets/late-env`);
    await must(admin, "DELETE", `${shop}/pods/good-3?gracePeriodSeconds=0`);
    await expect
      .poll(async () => (await send(good, "GET", `${shop}/secrets/late-env`)).code)
      .toBe(403);
  });

  test("adopts a Node that people took from its beacon by removing the label", async () => {
    await must(evil, "POST", `${core}/nodes`, nodeOf("handed-over", "evil"));
    const url = `${core}/nodes/handed-over`;
    const body = { metadata: { labels: { [label]: "good" } } };
    expect((await send(good, "PATCH", url, body)).code).toBe(403);
    await must(admin, "PATCH", url, { metadata: { labels: { [label]: null } } });
    await must(good, "PATCH", url, body);
    expect((await send(evil, "GET", url)).code).toBe(403);
  });

  test("sets taints, takes its own away, and leaves those of people", async () => {
    const taint = (key: string): object => ({ key, effect: "NoSchedule" });
    const found = (ids: string): object => ({
      annotations: { "lighthouse.dev/discovered-taints": ids },
    });
    const url = `${core}/nodes/tainted`;
    const spec = { providerID: "docker://tainted", taints: [taint("own")] };
    const metadata = { name: "tainted", labels: { [label]: "good" } };
    const ownId = "own:NoSchedule";
    await must(good, "POST", `${core}/nodes`, {
      metadata: { ...metadata, ...found(ownId) },
      spec,
    });
    await must(admin, "PATCH", url, { spec: { taints: [taint("own"), taint("people")] } });
    expect((await send(good, "PATCH", url, { spec: { taints: [taint("own")] } })).code).toBe(403);
    const claim = { metadata: found(`${ownId},people:NoSchedule`) };
    expect((await send(good, "PATCH", url, claim)).code).toBe(403);
    const left = await must(good, "PATCH", url, { spec: { taints: [taint("people")] } });
    expect(objectsIn(objectIn(left, "spec"), "taints")).toEqual([taint("people")]);
  });

  test("keeps what the tunnel says of its Beacon", async () => {
    const connected = { type: "Connected", status: "True", reason: "TunnelOpen" };
    const since = { lastTransitionTime: "2026-11-21T00:00:00Z", message: "" };
    const ready = { type: "Ready", status: "True", reason: "HostsReady" };
    const url = `${beacons}/good/status`;
    const write = (by: By, conditions: readonly object[]): Promise<JsonObject> =>
      must(by, "PATCH", url, {
        status: { conditions: conditions.map((one) => ({ ...since, ...one })) },
      });
    await write(admin, [connected]);
    const after = await write(good, [{ ...connected, status: "False" }, ready]);
    const conditions = objectsIn(objectIn(after, "status"), "conditions");
    expect(conditions.map(({ type, status: state }) => [type, state])).toEqual([
      ["Ready", "True"],
      ["Connected", "True"],
    ]);
  });
});
