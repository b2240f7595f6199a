import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localProvider } from "../../../agent/discovery/local.ts";
import { runAgent } from "../../../agent/main.ts";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import type { ClientConfig } from "../../../api/client/config.ts";
import { nodes } from "../../../api/machinery/resources.ts";
import { buildCollector } from "../../../controllers/collector/controller.ts";
import { buildNamespaceController } from "../../../controllers/namespace/controller.ts";
import { buildNamespaceDefaults } from "../../../controllers/namespace/defaults.ts";
import { runManager } from "../../../controllers/runtime/manager.ts";
import { createRecorder } from "../../../controllers/runtime/recorder.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { simulatedEngine } from "../../kit/simulated-engine.ts";

/** Where the one server of all contract tests is, as their processes are told. */
export type SiteAddress = {
  /** e.g. `https://127.0.0.1:41233`. */
  readonly url: string;
  /** A kubeconfig of the administrator. */
  readonly kubeconfig: string;
  /** A folder for files of tests; it goes with the server. */
  readonly folder: string;
  /** The one Node, which runs what is bound to it on a simulated engine. */
  readonly node: string;
};

/** A running site. */
export type Site = AsyncDisposable & { readonly address: SiteAddress };

/** Images whose containers say something and go on. */
const rules = [{ image: "*talk*", behaviour: { complaint: "hello", serve: "talk" } }];

const log = { debug() {}, info() {}, warn() {}, error() {} };

const clientFor = (config: ClientConfig, userAgent: string): OwnedClient =>
  createClient({ ...config, userAgent, fieldManager: userAgent });

/** The controllers that every object needs; none of those that make objects of their own. */
async function runKeepers(env: Env, signal: AbortSignal): Promise<void> {
  await using client = clientFor(env.controllers, "keepers");
  const recorder = createRecorder({
    client,
    clock: systemClock,
    log,
    component: "keepers",
    instance: "keepers-1",
  });
  const builders = [buildCollector, buildNamespaceController, buildNamespaceDefaults];
  await runManager(builders, { client, clock: systemClock, log, recorder }, signal);
}

async function runNode(env: Env, dockerUrl: string, signal: AbortSignal): Promise<void> {
  await using client = clientFor(env.agent, "lighthouse-agent");
  await runAgent(
    {
      client,
      beacon: "contract",
      version: "0.0.0-test",
      providers: [localProvider({ urls: [dockerUrl] })],
      clock: systemClock,
      log,
      register: (node, streams) => env.nodes.register(node, streams),
    },
    signal,
  );
}

async function readyNode(env: Env): Promise<string> {
  await using client = clientFor(env.admin, "contract");
  return await eventually(
    "the agent reports its node",
    async () => {
      const { items } = await client.list(nodes);
      const ready = items.find(({ status }) =>
        status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
      );
      return ready?.metadata.name;
    },
    { timeoutMs: 30_000 },
  );
}

/**
 * Starts the API server, the collector, the namespace controller and one agent over a simulated
 * engine, in this process. There is no scheduler and no application controller: what a scenario
 * wrote changes only by what it does.
 */
export async function startSite(): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "lighthouse-contract-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const env = stack.use(await startEnv({ beacon: "contract" }));
  const engine = stack.use(await simulatedEngine({ name: "contract-host", rules }));
  const stop = new AbortController();
  const running = [runKeepers(env, stop.signal), runNode(env, engine.url, stop.signal)];
  stack.defer(async () => {
    stop.abort();
    await Promise.allSettled(running);
  });
  const node = await readyNode(env);
  const owned = stack.move();
  return {
    address: { url: env.url, kubeconfig: env.kubeconfig, folder, node },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
