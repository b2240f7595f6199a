import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type OwnedClient } from "../../api/client/create-client.ts";
import { configMaps, nodes } from "../../api/machinery/resources.ts";
import { label } from "../../crds/labels.ts";
import { type Env, startEnv } from "../../test/kit/env.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { emptyLedger } from "./ledger.ts";
import { createUsageBook } from "./usage-book.ts";

const nowMs = Date.UTC(2026, 10, 21);
const { signal } = new AbortController();
let env: Env;
let agent: OwnedClient;

beforeAll(async () => {
  env = await startEnv({ beacon: "paris" });
  agent = createClient({ ...env.agent, fieldManager: "lighthouse-agent" });
  await using admin = createClient(env.admin);
  for (const [name, beacon] of [
    ["n1", "paris"],
    ["n2", "rome"],
  ] as const)
    await admin.create(nodes, {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name, labels: { [label.beacon]: beacon } },
    });
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await env.stop();
});

test("an agent keeps the record of its own Node with the rights that it has", async () => {
  const book = createUsageBook(agent, "n1");
  expect(await book.load(nowMs, signal)).toBeUndefined();
  await book.save(emptyLedger(5), nowMs);
  const saved = await eventually("the record is there", () => book.load(nowMs, signal));
  expect(saved).toEqual(emptyLedger(5));
  await book.save(
    { ...emptyLedger(5), counted: new Map([["a.1", { atMs: 1, cpuNanos: 2 }]]) },
    nowMs,
  );
  expect((await book.load(nowMs, signal))?.counted.size).toBe(1);
});

test("an agent touches no record of another beacon's Node, and no other ConfigMap", async () => {
  const book = createUsageBook(agent, "n2");
  await expect(book.save(emptyLedger(5), nowMs)).rejects.toMatchObject({ reason: "Forbidden" });
  await expect(book.load(nowMs, signal)).rejects.toMatchObject({ reason: "Forbidden" });
  const key = { namespace: "default", name: "usage.n1.2026-11" };
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: key, data: {} };
  await expect(
    agent.patch(configMaps, key, { type: "apply", body, force: true }),
  ).rejects.toMatchObject({ reason: "Forbidden" });
});
