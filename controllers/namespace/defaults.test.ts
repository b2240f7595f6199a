import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { type MemoryApi, memoryApi } from "../../test/kit/memory-api.ts";
import { configMaps, namespaces, serviceAccounts } from "../../api/machinery/resources.ts";
import { runManager } from "../runtime/manager.ts";
import { createRecorder } from "../runtime/recorder.ts";
import { buildNamespaceDefaults, planDefaults } from "./defaults.ts";

const root = "kube-root-ca.crt";

async function publish(api: MemoryApi, ca: string): Promise<void> {
  const metadata = { namespace: "kube-system", name: root };
  const data = { "ca.crt": ca };
  await api.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata, data });
}

async function setup() {
  const [api, clock] = [
    memoryApi({ kinds: [namespaces, configMaps, serviceAccounts] }),
    manualClock(),
  ];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const recorder = createRecorder({ client: api, clock, log, component: "ns", instance: "" });
  for (const name of ["kube-system", "shop"]) {
    await api.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
  const controller = new AbortController();
  const options = { client: api, clock, log, recorder };
  const running = runManager([buildNamespaceDefaults], options, controller.signal);
  onTestFinished(async () => {
    controller.abort();
    await running;
  });
  await settle();
  const accounts = (): string =>
    api
      .all(serviceAccounts)
      .map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`)
      .join(" ");
  const roots = (): object =>
    Object.fromEntries(api.all(configMaps).map(({ metadata, data }) => [metadata.namespace, data]));
  return { api, clock, accounts, roots };
}

test("every namespace has a default ServiceAccount, also after it was deleted", async () => {
  const { api, clock, accounts } = await setup();
  expect(accounts()).toBe("kube-system/default shop/default");
  await api.delete(serviceAccounts, { namespace: "shop", name: "default" });
  await clock.advance(1_000);
  expect(accounts()).toBe("kube-system/default shop/default");
  await api.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "new" } });
  await clock.advance(1_000);
  expect(accounts()).toContain("new/default");
});

test("every namespace has the certificate of the API server, and the newest", async () => {
  const { api, clock, roots } = await setup();
  expect(roots()).toEqual({});
  await publish(api, "old");
  await clock.advance(1_000);
  expect(roots()).toEqual({ "kube-system": { "ca.crt": "old" }, shop: { "ca.crt": "old" } });
  const spoil = { type: "merge", body: { data: { "ca.crt": "mine", more: "x" } } } as const;
  await api.patch(configMaps, { namespace: "shop", name: root }, spoil);
  await clock.advance(1_000);
  expect(roots()).toMatchObject({ shop: { "ca.crt": "old" } });
  expect(roots()).not.toHaveProperty("shop.more");
  const renew = { type: "merge", body: { data: { "ca.crt": "new" } } } as const;
  await api.patch(configMaps, { namespace: "kube-system", name: root }, renew);
  await clock.advance(1_000);
  expect(roots()).toEqual({ "kube-system": { "ca.crt": "new" }, shop: { "ca.crt": "new" } });
});

test("planDefaults() wants no certificate that nobody has published", () => {
  const nothing = { account: undefined, root: undefined, authority: undefined };
  expect(planDefaults({ name: "shop", ...nothing })).toEqual({ account: true });
});
