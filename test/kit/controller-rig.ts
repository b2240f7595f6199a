import { onTestFinished } from "vitest";
import { applications } from "../../api/machinery/resources.ts";
import { buildApplicationController } from "../../controllers/application/controller.ts";
import { runManager } from "../../controllers/runtime/manager.ts";
import { createRecorder } from "../../controllers/runtime/recorder.ts";
import type { Application } from "../../crds/types.gen.ts";
import { manualClock, settle } from "./clock.ts";
import { type MemoryApi, memoryApi } from "./memory-api.ts";
import { actAsAgents, addHost } from "./obedient-agents.ts";

/** The application controller over real caches and watches of an API in memory. */
export interface ControllerRig {
  readonly api: MemoryApi;
  /** Agents and time take turns for so long. See `actAsAgents` for `bad`. */
  play(seconds: number, bad?: string): Promise<void>;
  /** The status of an Application in the namespace `shop`. */
  read(name: string): Promise<Application["status"]>;
  /** Ends the process. */
  kill(): Promise<void>;
  /** Starts the next one. */
  start(): Promise<void>;
}

/** Runs until the test is finished. */
export async function startControllerRig(): Promise<ControllerRig> {
  const [api, clock] = [memoryApi(), manualClock()];
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  await addHost(api);
  let stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const start = async (): Promise<void> => {
    stop = new AbortController();
    const about = { component: "application", instance: "" };
    const recorder = createRecorder({ client: api, clock, log, ...about });
    const options = { client: api, clock, log, recorder };
    running = runManager([buildApplicationController], options, stop.signal);
    await settle();
  };
  const kill = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  onTestFinished(kill);
  await start();
  return {
    api,
    start,
    kill,
    async play(seconds, bad) {
      for (let second = 0; second < seconds; second += 1) {
        await actAsAgents(api, clock.nowMs(), bad);
        await clock.advance(1_000);
      }
    },
    read: async (name) => (await api.get(applications, { namespace: "shop", name }))?.status,
  };
}
