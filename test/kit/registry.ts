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

/** Who may use a registry that wants a login. */
export const registryLogin = { username: "ann", password: "s3cret" } as const;

/** Its password as `htpasswd -B` writes it: the registry takes nothing but bcrypt. */
const passwordFile = "ann:$2b$04$E7.uz08ypeGNgUF/sJJqfeYDWnTRVRTL/7/yr3kV6mlHgfysu9Lmu\n";

function configuration(dir: string, address: string, withLogin: boolean): string {
  const auth = `auth: { htpasswd: { realm: shop, path: ${join(dir, "htpasswd")} } }`;
  return [
    "version: 0.1",
    "log: { level: error, accesslog: { disabled: true } }",
    "storage:",
    `  filesystem: { rootdirectory: ${join(dir, "data")} }`,
    "  delete: { enabled: true }",
    `http: { addr: "${address}" }`,
    ...(withLogin ? [auth] : []),
    "",
  ].join("\n");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL"); // nothing in it is worth a farewell
  await exited;
}

/**
 * Starts an empty registry, which this machine's address `host` serves; with `login` for
 * {@link registryLogin} alone. Disposing of it ends it and removes its images.
 */
export async function startRegistry(
  host = "127.0.0.1",
  { login = false }: { readonly login?: boolean } = {},
): Promise<Registry> {
  const dir = await mkdtemp(join(tmpdir(), "registry-"));
  const address = `${host}:${await freePort(host)}`;
  const file = join(dir, "config.yml");
  await writeFile(file, configuration(dir, address, login));
  if (login) await writeFile(join(dir, "htpasswd"), passwordFile);
  const child = spawn("docker-registry", ["serve", file], { stdio: "ignore" });
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await once(child, "spawn");
    const answer = login ? 401 : 200;
    await eventually("the registry answers", async () => {
      return (await fetch(`http://${address}/v2/`)).status === answer;
    });
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
export async function pushImage(
  engineUrl: string,
  reference: string,
  login: object = {},
): Promise<void> {
  const [name = "", tag = ""] = reference.split(/:(?=[^:]*$)/);
  const url = `http://engine/v1.41/images/${name}/push?tag=${tag}`;
  // Of the URL's alphabet, with the padding that Node leaves out.
  const base64 = Buffer.from(JSON.stringify(login)).toString("base64");
  const auth = `X-Registry-Auth: ${base64.replaceAll("+", "-").replaceAll("/", "_")}`;
  const socket = engineUrl.slice("unix://".length);
  const args = ["-sS", "--unix-socket", socket, "-X", "POST", "-H", auth, url];
  const { stdout } = await promisify(execFile)("curl", args);
  if (stdout.includes('"error"')) throw new Error(stdout);
}
