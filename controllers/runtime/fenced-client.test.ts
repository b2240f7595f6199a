import { expect, test } from "vitest";
import { memoryApi } from "../../test/kit/memory-api.ts";
import type { Client, WriteOptions } from "../../api/client/client.ts";
import { leadershipLost } from "../../api/machinery/errors.ts";
import { configMaps } from "../../api/machinery/resources.ts";
import { fencedClient } from "./fenced-client.ts";

const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "a", name: "b" } };

function setup() {
  const api = memoryApi();
  const fences: (string | undefined)[] = [];
  let isLost = false;
  const create: Client["create"] = async (type, object, options: WriteOptions = {}) => {
    fences.push(options.fence);
    if (isLost) throw leadershipLost("another leads");
    return api.create(type, object);
  };
  const { client, enter } = fencedClient({ ...api, create });
  const why: string[] = [];
  return {
    client,
    fences,
    why,
    enter: (fence: string) => enter({ fence, lose: (reason) => void why.push(reason) }),
    loseIt: () => void (isLost = true),
  };
}

test("fencedClient() names the term in every write, and none before the first", async () => {
  const { client, fences, enter } = setup();
  await client.create(configMaps, map);
  enter("ns/lease/me/1");
  await client.delete(configMaps, { namespace: "a", name: "b" });
  await client.create(configMaps, map);
  enter("ns/lease/me/2");
  await client.create(configMaps, { ...map, metadata: { namespace: "a", name: "c" } });
  expect(fences).toEqual([undefined, "ns/lease/me/1", "ns/lease/me/2"]);
});

test("fencedClient() ends the term when the server knows another leader", async () => {
  const { client, why, enter, loseIt } = setup();
  enter("ns/lease/me/1");
  loseIt();
  await expect(client.create(configMaps, map)).rejects.toThrow("another leads");
  expect(why).toEqual(["the server knows another leader"]);
});
