import { expect, test } from "vitest";
import type { Client } from "../../api/client/client.ts";
import { configMaps, type Pod, pods } from "../../api/machinery/resources.ts";
import { createExpectations } from "./expectations.ts";

const key = { namespace: "shop", name: "web-1-0" };
const pod = (resourceVersion: string, more: object = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { ...key, uid: "u", resourceVersion, creationTimestamp: "", ...more },
  spec: { containers: [] },
});

function setup() {
  let shown: Pod | undefined = pod("9");
  let nowMs = 0;
  const client = {
    patch: async () => pod("10"),
    delete: async () => undefined,
  } as unknown as Client;
  const expectations = createExpectations({ get: () => shown }, () => nowMs);
  return {
    expectations,
    client: expectations.noting(client, "shop/web"),
    show: (next: Pod | undefined) => void (shown = next),
    pass: (ms: number) => void (nowMs += ms),
  };
}

const merge = { type: "merge", body: {} } as const;

test("createExpectations() waits until the cache shows an order, or what came after it", async () => {
  const { expectations, client, show } = setup();
  expect(expectations.areMet("shop/web")).toBe(true);
  await client.patch(pods, key, merge);
  expect(expectations.areMet("shop/web")).toBe(false);
  expect(expectations.areMet("shop/other")).toBe(true);
  show(pod("11"));
  expect(expectations.areMet("shop/web")).toBe(true);
});

test("createExpectations() waits until the cache shows a deletion", async () => {
  const { expectations, client, show } = setup();
  await client.delete(pods, key, { preconditions: { uid: "u" } });
  show(pod("12"));
  expect(expectations.areMet("shop/web")).toBe(false);
  show(pod("13", { deletionTimestamp: "2026-01-01T00:00:00Z" }));
  expect(expectations.areMet("shop/web")).toBe(true);
});

test.each<[string, (it: ReturnType<typeof setup>) => void]>([
  ["is gone", ({ show }) => show(undefined)],
  ["was made anew", ({ show }) => show(pod("9", { uid: "other" }))],
  ["was waited for too long", ({ pass }) => pass(10_000)],
  ["belongs to an Application that is gone", ({ expectations }) => expectations.forget("shop/web")],
])("createExpectations() expects nothing of a pod that %s", async (_why, happen) => {
  const it = setup();
  await it.client.patch(pods, key, merge);
  happen(it);
  expect(it.expectations.areMet("shop/web")).toBe(true);
});

test("createExpectations() minds pods only", async () => {
  const { expectations, client } = setup();
  await client.patch(configMaps, key, merge);
  expect(expectations.areMet("shop/web")).toBe(true);
});
