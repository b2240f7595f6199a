import { expect, onTestFinished, test } from "vitest";
import { createClient } from "../../../api/client/create-client.ts";
import { leases, namespaces } from "../../../api/machinery/resources.ts";
import { runControllers } from "../../../controllers/main.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { startCuttingProxy } from "../store/cutting-proxy.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const lease = { namespace: "kube-system", name: "lighthouse-controllers" };

/** One process's worth of controllers, reaching the server at `url`. */
function controllers(env: Env, url = env.url) {
  const client = createClient({ ...env.controllers, server: url });
  const signal = new AbortController();
  const running = runControllers(
    { client, clock: systemClock, log, election: true },
    signal.signal,
  );
  const stop = async (): Promise<void> => {
    signal.abort();
    await running;
    await client[Symbol.asyncDispose]();
  };
  onTestFinished(stop);
  return { stop };
}

async function setup() {
  const env = await startEnv();
  onTestFinished(() => env.stop());
  const client = createClient(env.admin);
  onTestFinished(() => client[Symbol.asyncDispose]());
  const holder = async (): Promise<string> =>
    (await client.get(leases, lease))?.spec?.holderIdentity ?? "";
  const holderOtherThan = (others: readonly string[], timeoutMs: number): Promise<string> =>
    eventually(
      "another one leads",
      async () => {
        const now = await holder();
        return now !== "" && !others.includes(now) && now;
      },
      { timeoutMs },
    );
  /** Some controller works: a deleted namespace goes. */
  const works = async (name: string): Promise<void> => {
    await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    await client.delete(namespaces, { name });
    await eventually("the namespace is gone", async () => {
      return (await client.get(namespaces, { name })) === undefined;
    });
  };
  return { env, holderOtherThan, works };
}

test("a standby takes over at once when the leader stops", async () => {
  const { env, holderOtherThan, works } = await setup();
  const first = controllers(env);
  const leader = await holderOtherThan([], 10_000);
  controllers(env);
  await works("one");
  await first.stop();
  const start = performance.now();
  await holderOtherThan([leader], 5_000);
  expect(performance.now() - start).toBeLessThan(5_000);
  await works("two");
});

test("a standby takes over from a leader that vanishes, when its lease is over", async () => {
  const { env, holderOtherThan, works } = await setup();
  const proxy = await startCuttingProxy(new URL(env.url).host);
  controllers(env, `https://${proxy.host}`);
  const leader = await holderOtherThan([], 10_000);
  controllers(env);
  await works("one");
  await proxy[Symbol.asyncDispose]();
  const start = performance.now();
  await holderOtherThan([leader], 30_000);
  // Not before the lease of 15 s can be over, as the leader may renew up to its very end.
  expect(performance.now() - start).toBeGreaterThan(10_000);
  await works("two");
});
