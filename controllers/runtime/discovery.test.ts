import { expect, test } from "vitest";
import type { Client } from "../../api/client/client.ts";
import { discoverKinds } from "./discovery.ts";
import { fromKindKey, toKindKey } from "./kind-key.ts";

const answers: Readonly<Record<string, unknown>> = {
  "/apis": {
    groups: [
      {
        preferredVersion: { groupVersion: "lighthouse.dev/v1" },
        versions: [{ groupVersion: "lighthouse.dev/v1" }, { groupVersion: "lighthouse.dev/v0" }],
      },
      { versions: [{ groupVersion: "example.com/v2" }] },
    ],
  },
  "/api/v1": {
    resources: [
      { name: "pods", kind: "Pod", namespaced: true, verbs: ["get", "list"] },
      { name: "pods/log", kind: "Pod", namespaced: true, verbs: ["get"] },
    ],
  },
  "/apis/lighthouse.dev/v1": {
    resources: [{ name: "beacons", kind: "Beacon", namespaced: false, verbs: ["list"] }],
  },
  "/apis/example.com/v2": { resources: [] },
};

test("discoverKinds() reads every group in its preferred version, without subresources", async () => {
  const client = {
    async raw({ path }: { readonly path: string }) {
      const bytes = Buffer.from(JSON.stringify(answers[path]));
      return {
        status: 200,
        headers: {},
        body: (async function* () {
          yield bytes;
        })(),
      };
    },
  } as unknown as Pick<Client, "raw">;
  const kinds = await discoverKinds(client, new AbortController().signal);
  expect(kinds.map(({ group, version, plural }) => `${group}/${version}/${plural}`)).toEqual([
    "/v1/pods",
    "lighthouse.dev/v1/beacons",
  ]);
});

test.each([
  [
    { group: "", plural: "pods" },
    { namespace: "shop", name: "web-0" },
  ],
  [{ group: "lighthouse.dev", plural: "beacons" }, { name: "odd|name" }],
])("fromKindKey() is the inverse of toKindKey()", (type, key) => {
  const { resource, key: back } = fromKindKey(toKindKey(type, key));
  expect(back).toEqual(key);
  expect(resource.startsWith(type.plural)).toBe(true);
});
