import { expect, onTestFinished, test } from "vitest";
import { createClient } from "../../../api/client/create-client.ts";
import { createInformer } from "../../../api/client/shared-informer.ts";
import { metadataOf, secrets } from "../../../api/machinery/resources.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";

test("lists and watches of metadata never bring a value, and still tell that one changed", async () => {
  const env = await startEnv();
  onTestFinished(() => env.stop());
  const client = createClient(env.admin);
  onTestFinished(() => client[Symbol.asyncDispose]());
  const key = { namespace: "default", name: "db" };
  const secret = { apiVersion: "v1", kind: "Secret", metadata: key };
  await client.create(secrets, { ...secret, stringData: { password: "first" } });
  const log = { warn() {}, error() {} };
  const informer = createInformer({ client, clock: systemClock, log, type: metadataOf(secrets) });
  const told: unknown[] = [];
  informer.onChange((change) => void told.push(change));
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  await informer.synced;
  expect(informer.cache.get(key)).toMatchObject({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { generation: 1 },
  });
  const body = { stringData: { password: "second" } };
  await client.patch(secrets, key, { type: "merge", body });
  await eventually("the change is told", () => informer.cache.get(key)?.metadata.generation === 2);
  await client.delete(secrets, key);
  await eventually("the deletion is told", () => informer.cache.get(key) === undefined);
  expect(JSON.stringify(told)).not.toMatch(/"data"|first|second|Zmlyc3Q|c2Vjb25k/);
});
