import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { buildApplicationController } from "./application/controller.ts";
import { buildNodeController } from "./node/controller.ts";
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

/** Every controller; what each one writes alone is in its `owns`. */
const builders: readonly BuildController[] = [
  buildApplicationController,
  buildScheduler,
  buildNodeController,
];

/** Who leads is written into this Lease. */
const lease = { namespace: "kube-system", name: "lighthouse-controllers" };

/** Runs all controllers until the signal aborts. @throws Error when two own the same thing */
export async function runControllers(
  { client, clock, log, election }: ControllersOptions,
  signal: AbortSignal,
): Promise<void> {
  const instance = `${hostname()}-${randomBytes(4).toString("hex")}`;
  const component = "lighthouse-controllers";
  const recorder = createRecorder({ client, clock, log, component, instance });
  const stand = election ? { election: { lease, identity: instance } } : {};
  await runManager(builders, { client, clock, log, recorder, ...stand }, signal);
}
