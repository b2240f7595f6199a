import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { type Backoff, backoffMs } from "../api/client/backoff.ts";
import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { buildApplicationController } from "./application/controller.ts";
import { buildCollector } from "./collector/controller.ts";
import { buildEventExpiry } from "./collector/event-expiry.ts";
import { buildStrandedPods } from "./collector/stranded-pods.ts";
import { buildNamespaceController } from "./namespace/controller.ts";
import { buildNamespaceDefaults } from "./namespace/defaults.ts";
import { buildNodeController } from "./node/controller.ts";
import { buildTaintEviction } from "./node/evictions.ts";
import { buildQuotaController } from "./quota/controller.ts";
import { readVersion } from "./runtime/discovery.ts";
import { runManager } from "./runtime/manager.ts";
import type { BuildController, Log } from "./runtime/reconciler.ts";
import { createRecorder } from "./runtime/recorder.ts";
import { buildScheduler } from "./scheduler/controller.ts";

/** What the controllers run with. */
export type ControllersOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** Stand for election among several; false where this process is known to be the only one. */
  readonly election: boolean;
};

/** Ours alone: another Kubernetes serves our kinds, and has no controller for them. */
const portable: readonly BuildController[] = [buildApplicationController];

/** Every controller; what each one writes alone is in its `owns`. */
const all: readonly BuildController[] = [
  ...portable,
  buildScheduler,
  buildNodeController,
  buildTaintEviction,
  buildCollector,
  buildStrandedPods,
  buildEventExpiry,
  buildNamespaceController,
  buildNamespaceDefaults,
  buildQuotaController,
];

/** Who leads is written into this Lease. */
const lease = { namespace: "kube-system", name: "lighthouse-controllers" };

const retries: Backoff = { baseMs: 250, maxMs: 5_000 };

/**
 * Which controllers this server needs. Another Kubernetes has a scheduler, a node controller and
 * a collector of its own: a second set would bind its pods and taint its nodes.
 */
async function buildersFor(
  { client, clock, log }: ControllersOptions,
  signal: AbortSignal,
): Promise<readonly BuildController[]> {
  for (let failures = 1; ; failures += 1) {
    try {
      const { gitVersion } = await readVersion(client, signal);
      const isOurs = gitVersion.includes("+lighthouse");
      if (!isOurs) log.info({ gitVersion }, "not a Lighthouse server: applications only");
      return isOurs ? all : portable;
    } catch (err) {
      signal.throwIfAborted();
      log.warn({ err }, "cannot ask the server what it is");
      await clock.sleep(backoffMs(retries, failures, Math.random()), signal);
    }
  }
}

/** Runs all controllers until the signal aborts. @throws Error when two own the same thing */
export async function runControllers(
  options: ControllersOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, log, election } = options;
  const instance = `${hostname()}-${randomBytes(4).toString("hex")}`;
  const component = "lighthouse-controllers";
  const recorder = createRecorder({ client, clock, log, component, instance });
  const stand = election ? { election: { lease, identity: instance } } : {};
  const builders = await buildersFor(options, signal).catch((err: unknown) => {
    if (!signal.aborted) throw err;
    return [];
  });
  if (signal.aborted) return;
  await runManager(builders, { client, clock, log, recorder, ...stand }, signal);
}
