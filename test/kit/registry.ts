import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "./eventually.ts";

/** A real registry (Debian's docker-registry) without TLS, which engines accept on 127.0.0.1. */
export type Registry = AsyncDisposable & {
  /** Begins every reference in it, e.g. `127.0.0.1:41234`. */
  readonly address: string;
};

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const bound = server.address();
      const port = typeof bound === "object" && bound !== null ? bound.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function configuration(dir: string, address: string): string {
  return [
    "version: 0.1",
    "log: { level: error, accesslog: { disabled: true } }",
    "storage:",
    `  filesystem: { rootdirectory: ${join(dir, "data")} }`,
    "  delete: { enabled: true }",
    `http: { addr: "${address}" }`,
    "",
  ].join("\n");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL"); // nothing in it is worth a farewell
  await exited;
}

/** Starts an empty registry, which this machine's address `host` serves. Disposing of it ends it and removes its images. */
export async function startRegistry(host = "127.0.0.1"): Promise<Registry> {
  const dir = await mkdtemp(join(tmpdir(), "registry-"));
  const address = `${host}:${await freePort(host)}`;
  const file = join(dir, "config.yml");
  await writeFile(file, configuration(dir, address));
  const child = spawn("docker-registry", ["serve", file], { stdio: "ignore" });
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await once(child, "spawn");
    await eventually("the registry answers", async () => (await fetch(`http://${address}/v2/`)).ok);
  } catch (err) {
    await stop();
    throw err;
  }
  return { address, [Symbol.asyncDispose]: stop };
}

/**
 * Pushes `name:tag` from the engine behind a `unix://` URL. The driver never pushes; the Engine API
 * does, so it is asked directly.
 *
 * @throws Error with the engine's answer
 */
export async function pushImage(engineUrl: string, reference: string): Promise<void> {
  const [name = "", tag = ""] = reference.split(/:(?=[^:]*$)/);
  const url = `http://engine/v1.41/images/${name}/push?tag=${tag}`;
  const auth = `X-Registry-Auth: ${Buffer.from("{}").toString("base64url")}`;
  const socket = engineUrl.slice("unix://".length);
  const args = ["-sS", "--unix-socket", socket, "-X", "POST", "-H", auth, url];
  const { stdout } = await promisify(execFile)("curl", args);
  if (stdout.includes('"error"')) throw new Error(stdout);
}
