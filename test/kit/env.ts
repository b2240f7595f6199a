import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pino } from "pino";
import type { ClientConfig } from "../../api/client/config.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import type { Access } from "../../api/server/pki/kubeconfig.ts";
import type { NodeStreams } from "../../api/server/pods/pod-streams.ts";
import { startServer } from "../../api/server/server.ts";
import { memoryStore } from "../../api/store/memory.ts";
import type { Store } from "../../api/store/store.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";

/** A real API server in this process: TLS, certificates, kubeconfig, all kinds. */
export type Env = AsyncDisposable & {
  /** e.g. `https://127.0.0.1:41233`. */
  readonly url: string;
  /** Access for an administrator, for our own client. */
  readonly admin: ClientConfig;
  /** Access as the controllers of `lighthouse up` have it. */
  readonly controllers: ClientConfig;
  /** Access as the agent of `lighthouse up` has it. */
  readonly agent: ClientConfig;
  /** A kubeconfig of the administrator, for real clients. */
  readonly kubeconfig: string;
  readonly store: Store;
  /** Where fake agents register the logs they stream. */
  readonly nodes: NodeStreams;
  /** Ends the server and removes its files; the same as disposing of it. */
  stop(): Promise<void>;
};

/** What a test may want otherwise. */
export type EnvOptions = {
  /** Default: a fresh memory store, which goes with the server. A given one stays open. */
  readonly store?: Store;
  /** Other servers write to the store too. */
  readonly sharedStore?: boolean;
  readonly clock?: Clock;
  /** Another server, whose authority and keys this one shares: they belong to one cluster. */
  readonly sibling?: Env;
  /** Of the agent's credentials. Default: the host's name. */
  readonly beacon?: string;
};

function configOf({ server, authority, client }: Access): ClientConfig {
  const credentials = { clientCert: client.certificate, clientKey: client.key };
  return { server, ca: authority, credentials };
}

/** Everything but what is each server's own: its serving certificate. */
async function sharePki({ kubeconfig }: Env, dataDir: string): Promise<void> {
  const own = (name: string): boolean => !/\/serving\.(crt|key)$/.test(name);
  const from = path.join(path.dirname(kubeconfig), "pki");
  await cp(from, path.join(dataDir, "pki"), { recursive: true, filter: own });
}

/** Starts a server on a free port of 127.0.0.1, with all its files in a directory of its own. */
export async function startEnv(options: EnvOptions = {}): Promise<Env> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "lighthouse-env-"));
  const kubeconfig = path.join(dataDir, "admin.kubeconfig");
  if (options.sibling !== undefined) await sharePki(options.sibling, dataDir);
  const store = options.store ?? memoryStore();
  const server = await startServer({
    config: {
      listen: { host: "127.0.0.1", port: 0 },
      dataDir,
      kubeconfig,
      names: [],
      ...(options.beacon === undefined ? {} : { beacon: options.beacon }),
    },
    store,
    sharedStore: options.sharedStore ?? false,
    log: pino({ level: process.env["LIGHTHOUSE_TEST_LOG"] ?? "silent" }),
    clock: options.clock ?? systemClock,
    version: "0.0.0-test",
  });
  const stop = async (): Promise<void> => {
    await server[Symbol.asyncDispose]();
    if (options.store === undefined) await store[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  };
  return {
    url: server.url,
    admin: configOf(server.admin),
    controllers: configOf(server.controllers),
    agent: configOf(server.agent),
    kubeconfig,
    store,
    nodes: server.nodes,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
