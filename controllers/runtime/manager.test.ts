import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { memoryApi } from "../../test/kit/memory-api.ts";
import { conflict } from "../../api/machinery/errors.ts";
import { keyText, type ObjectKey } from "../../api/machinery/object.ts";
import { configMaps, leases, secrets } from "../../api/machinery/resources.ts";
import { type ManagerOptions, runManager } from "./manager.ts";
import { createMetrics } from "./metrics.ts";
import type { BuildController, Result } from "./reconciler.ts";
import { createRecorder } from "./recorder.ts";
import { each, source } from "./sources.ts";
import { terminal } from "./terminal.ts";

const config = (name: string) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: "shop", name },
});

function setup() {
  const [api, clock] = [memoryApi(), manualClock()];
  const lines: { readonly message: string; readonly fields: Record<string, unknown> }[] = [];
  const line = (fields: object, message: string): void => {
    lines.push({ message, fields: { ...fields } });
  };
  const log = { debug: line, info: line, warn: line, error: line };
  const metrics = createMetrics();
  const run = (builders: readonly BuildController[], over: Partial<ManagerOptions> = {}) => {
    const controller = new AbortController();
    const who = { component: "tests", instance: "one" };
    const recorder = createRecorder({ client: api, clock, log, ...who });
    const options = { client: api, clock, log, recorder, metrics, ...over };
    const running = runManager(builders, options, controller.signal);
    const stop = async (): Promise<void> => {
      controller.abort();
      await running;
    };
    onTestFinished(() => stop().catch(() => undefined)); // a failure is the test's to see
    return { stop, running };
  };
  return { api, clock, lines, metrics, run };
}

/** A controller of ConfigMaps that does what the test says. */
function recording(reconcile: (key: ObjectKey) => Promise<Result> | Result = () => ({})) {
  const seen: string[] = [];
  const build: BuildController = ({ caches, log }) => {
    const cache = caches.of(configMaps);
    return {
      name: "recording",
      owns: ["configmaps/data"],
      sources: [
        each(configMaps),
        source(secrets, () => [{ namespace: "shop", name: "from-secret" }]),
      ],
      reconciler: {
        async reconcile(key) {
          const there = cache.get(key) === undefined ? "gone" : "there";
          seen.push(`${keyText(key)} ${there}`);
          log.info({ step: 1 }, "reconciled");
          return reconcile(key);
        },
      },
    };
  };
  return { seen, build };
}

test("runManager() reconciles what was there, what changes, and what goes", async () => {
  const { api, run } = setup();
  await api.create(configMaps, config("old"));
  const { seen, build } = recording();
  run([build]);
  await settle();
  await settle();
  expect(seen).toEqual(["shop/old there"]);
  await api.create(configMaps, config("new"));
  await settle();
  await api.delete(configMaps, { namespace: "shop", name: "new" });
  await api.create(secrets, { ...config("s"), kind: "Secret" });
  await settle();
  expect(seen.slice(1)).toEqual(["shop/new there", "shop/new gone", "shop/from-secret gone"]);
});

test("runManager() retries failures with back-off, terminal ones at the next change only", async () => {
  const { api, clock, lines, metrics, run } = setup();
  const failing = async (key: ObjectKey): Promise<Result> => {
    if (key.name === "bad") throw terminal(new Error("contradiction"));
    if (key.name === "lost") throw conflict(configMaps, "lost");
    throw new Error("broken");
  };
  const { seen, build } = recording(failing);
  run([build]);
  for (const name of ["bad", "flaky", "lost"]) await api.create(configMaps, config(name));
  await clock.advance(10_000);
  const count = (name: string): number =>
    seen.filter((one) => one.startsWith(`shop/${name}`)).length;
  expect(count("bad")).toBe(1);
  expect(count("flaky")).toBeGreaterThan(4);
  expect(count("flaky")).toBeLessThan(12);
  await api.patch(
    configMaps,
    { namespace: "shop", name: "bad" },
    { type: "merge", body: { a: 1 } },
  );
  await settle();
  expect(count("bad")).toBe(2);
  expect(
    lines.filter(({ message }) => message.startsWith("reconcile failed for good")),
  ).toHaveLength(2);
  expect(lines.find(({ message }) => message === "reconciled")?.fields).toMatchObject({
    controller: "recording",
    object: expect.stringContaining("shop/"),
    reconcileId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    step: 1,
  });
  expect(metrics.render()).toContain(
    'lighthouse_reconcile_total{controller="recording",outcome="terminal_error"} 2\n',
  );
});

test("runManager() comes back when the reconciler asks for it", async () => {
  const { api, clock, run } = setup();
  const { seen, build } = recording(() => ({ requeueAfterMs: 60_000 }));
  await api.create(configMaps, config("a"));
  run([build]);
  await clock.advance(59_999);
  expect(seen).toHaveLength(1);
  await clock.advance(1);
  expect(seen).toHaveLength(2);
});

test("runManager() ends when its signal aborts, after the reconcile at hand", async () => {
  const { api, clock, run } = setup();
  const gate = Promise.withResolvers<void>();
  const { seen, build } = recording(async () => {
    await gate.promise;
    return {};
  });
  await api.create(configMaps, config("a"));
  const { stop } = run([build]);
  await settle();
  let ended = false;
  const stopping = stop().then(() => (ended = true));
  await settle();
  expect([seen.length, ended]).toEqual([1, false]);
  gate.resolve();
  await stopping;
  expect(clock.sleepers).toBe(0);
});

test("runManager() works only while it leads, and starts from everything when it does", async () => {
  const { api, clock, run } = setup();
  const [one, two] = [recording(), recording()];
  const election = { lease: { namespace: "kube-system", name: "controllers" } };
  const first = run([one.build], { election: { ...election, identity: "one" } });
  await settle();
  run([two.build], { election: { ...election, identity: "two" } });
  await api.create(configMaps, config("a"));
  await clock.advance(5_000);
  expect([one.seen, two.seen]).toEqual([["shop/a there"], []]);
  await first.stop();
  await clock.advance(2_500);
  expect(two.seen).toEqual(["shop/a there"]);
  expect(api.all(leases)[0]?.spec?.holderIdentity).toBe("two");
});

test("runManager() refuses two owners of the same thing before anything starts", async () => {
  const { run } = setup();
  const { build, seen } = recording();
  const rival: BuildController = (context) => ({ ...build(context), name: "rival" });
  const { running } = run([build, rival]);
  const failure = running.catch((err: unknown) => String(err));
  expect(await failure).toContain(
    'Cannot run controllers "recording" and "rival": both own configmaps/data',
  );
  expect(seen).toEqual([]);
});
