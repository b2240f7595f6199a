import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { Change } from "../../../api/client/informer.ts";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import { createInformer } from "../../../api/client/shared-informer.ts";
import { isNotFound } from "../../../api/machinery/errors.ts";
import { type ConfigMap, configMaps } from "../../../api/machinery/resources.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { startCuttingProxy } from "../store/cutting-proxy.ts";

const versionsOf = (objects: Iterable<ConfigMap>): readonly string[] =>
  Array.from(objects, ({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();

/** Applies what a handler was told, and refuses what does not fit. */
function replayer() {
  const world = new Map<string, ConfigMap>();
  const misfits: string[] = [];
  const take = (change: Change<ConfigMap>): void => {
    const before = change.type === "added" ? undefined : change.before;
    const after = change.type === "deleted" ? undefined : change.after;
    const name = (before ?? after)?.metadata.name ?? "";
    if (world.get(name) !== before) misfits.push(`${change.type} ${name}`);
    if (after === undefined) world.delete(name);
    else world.set(name, after);
  };
  return { world, misfits, take };
}

/** Creates, updates and deletes a few names many times over. */
async function churn(client: OwnedClient, writes: number): Promise<void> {
  for (let write = 0; write < writes; write += 1) {
    const key = { namespace: "default", name: `c${(write * 7) % 20}` };
    const body = { data: { write: String(write), filler: "x".repeat(300) } };
    if (write % 5 === 4) {
      await client.delete(configMaps, key);
      continue;
    }
    await client.patch(configMaps, key, { type: "merge", body }).catch(async (err: unknown) => {
      if (!isNotFound(err)) throw err;
      await client.create(configMaps, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: key,
        ...body,
      });
    });
  }
}

test("informer follows the server through cut connections and compaction, and tells each change once", async () => {
  const env = await startEnv();
  onTestFinished(() => env.stop());
  const proxy = await startCuttingProxy(new URL(env.url).host);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const direct = createClient(env.admin);
  onTestFinished(() => direct[Symbol.asyncDispose]());
  const cut = createClient({ ...env.admin, server: `https://${proxy.host}` });
  onTestFinished(() => cut[Symbol.asyncDispose]());

  const log = { warn() {}, error() {} };
  // The least wait: the test is about what is lost, not about when.
  const options = { client: cut, type: configMaps, clock: systemClock, log, random: () => 0 };
  const informer = createInformer({ ...options, select: { namespace: "default" } });
  const { world, misfits, take } = replayer();
  informer.onChange(take);
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  await informer.synced;

  const progress = { writing: true };
  const writer = churn(direct, 600).finally(() => {
    progress.writing = false;
  });
  for (let round = 0; progress.writing; round += 1) {
    const { cuts } = proxy;
    proxy.cutAfter(200 + ((round * 977) % 9_000));
    if (round % 4 === 3) await env.store.compact((await env.store.head()).revision);
    while (progress.writing && proxy.cuts === cuts) await turn();
  }
  await writer;
  proxy.cutAfter(Infinity);

  const { items } = await direct.list(configMaps, { namespace: "default" });
  const want = versionsOf(items);
  await eventually("the cache has caught up", () => {
    return versionsOf(informer.cache.list()).join() === want.join();
  });
  expect(versionsOf(world.values())).toEqual(want);
  expect(misfits).toEqual([]);
  expect(proxy.cuts).toBeGreaterThan(3);
  stop.abort();
  await running;
});
