import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { type Lighthouse, startLighthouse } from "../kit/lighthouse.ts";
import { type Api, openApi } from "./api.ts";
import type { Target } from "./load.ts";

/** An API server as a process of its own, which can be killed and started again. */
export type ServerProcess = Target &
  AsyncDisposable & {
    readonly dataDir: string;
    /** SIGKILL, then the same server on the same port. */
    crash(): Promise<void>;
    stop(): Promise<void>;
    start(): Promise<void>;
  };

/** How a server is started. */
export type ServerOptions = {
  /** Default: an embedded one in its data folder. */
  readonly store?: string;
  /** Another server whose authority and token keys it has, so that both know the same clients. */
  readonly identityOf?: ServerProcess;
};

/** What servers of one cluster have in common, in DATA-DIR/pki: see docs/high-availability.md. */
const sharedFiles = ["ca.crt", "ca.key", "service-account.key"];

async function takeIdentity(from: string, to: string): Promise<void> {
  await mkdir(join(to, "pki"), { mode: 0o700 });
  for (const file of sharedFiles) await cp(join(from, "pki", file), join(to, "pki", file));
  await cp(join(from, "encryption-keys.yaml"), join(to, "encryption-keys.yaml"));
}

/** Starts `lighthouse server` as a process of its own. */
export async function startServerProcess(
  name: string,
  { store, identityOf }: ServerOptions = {},
): Promise<ServerProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), "lighthouse-robust-"));
  if (identityOf !== undefined) await takeIdentity(identityOf.dataDir, dataDir);
  const listen = `127.0.0.1:${await freePort()}`;
  let running: Lighthouse | undefined;
  let api: Api | undefined;
  const start = async (): Promise<void> => {
    running = await startLighthouse({
      command: "server",
      dataDir,
      docker: [],
      listen,
      ...(store === undefined ? {} : { store }),
    });
    // With one identity, one client is known to all servers.
    const owner = identityOf?.dataDir ?? dataDir;
    api ??= await openApi(join(owner, "kubeconfig"), running.url);
  };
  const stop = async (signal?: NodeJS.Signals): Promise<void> => {
    await running?.stop(signal);
  };
  await start();
  return {
    name,
    dataDir,
    open() {
      if (api === undefined) throw new Error(`Server ${name} was never started`);
      return api;
    },
    async crash() {
      await stop("SIGKILL");
      await start();
    },
    stop: () => stop(),
    start,
    async [Symbol.asyncDispose]() {
      await stop("SIGKILL");
      await api?.[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
