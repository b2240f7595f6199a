import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Lighthouse, startLighthouse } from "../kit/lighthouse.ts";
import { type Api, openApi } from "./api.ts";
import type { Target } from "./load.ts";

/** An API server as a process of its own, which can be killed and started again. */
export type ServerProcess = Target &
  AsyncDisposable & {
    /** SIGKILL, then the same server on the same port. */
    crash(): Promise<void>;
    stop(): Promise<void>;
    start(): Promise<void>;
  };

/** Starts `lighthouse server`; without a store it has an embedded one in its data folder. */
export async function startServerProcess(name: string, store?: string): Promise<ServerProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), "lighthouse-robust-"));
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
    api ??= await openApi(running.kubeconfig);
  };
  const stop = async (signal?: NodeJS.Signals): Promise<void> => {
    await running?.stop(signal);
  };
  await start();
  return {
    name,
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("No port was given");
  return address.port;
}
