import { spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { ClientConfig, Credentials } from "../../api/client/config.ts";
import { isForbidden, notFound, timedOut } from "../../api/machinery/errors.ts";
import { nodes } from "../../api/machinery/resources.ts";
import { type Call, type Run, text } from "../command.ts";
import { dockerEnv, exportLines, type Shell, shellOf, shells } from "../docker/environment.ts";
import { type NodeTarget, nodeTarget, targetId } from "../docker/node-target.ts";
import { privateDirectory, runtimeDirectory } from "../docker/private-dir.ts";

/** What is kept for one Node, as one user of one server. */
async function directoryOf({ io }: Call, target: NodeTarget): Promise<string> {
  return privateDirectory(join(await runtimeDirectory(io.env), `env-${targetId(target)}`));
}

async function certificateOf({ credentials = {} }: ClientConfig): Promise<Credentials> {
  return typeof credentials === "function" ? credentials() : credentials;
}

/** The server's own address with a client certificate: docker needs nobody in between. */
async function directly(
  { nodeName, config }: NodeTarget,
  dir: string,
): Promise<Readonly<Record<string, string | undefined>> | undefined> {
  const { ca, server, tlsServerName, insecureSkipTlsVerify } = config;
  const { clientCert, clientKey, token } = await certificateOf(config);
  if (clientCert === undefined || clientKey === undefined || token !== undefined) return undefined;
  if (ca === undefined || tlsServerName !== undefined || insecureSkipTlsVerify === true)
    return undefined;
  const mode = 0o600;
  await writeFile(join(dir, "ca.pem"), ca, { mode });
  await writeFile(join(dir, "cert.pem"), clientCert, { mode });
  await writeFile(join(dir, "key.pem"), clientKey, { mode });
  const { host, port, pathname } = new URL(server);
  const address = `${host}${port === "" ? ":443" : ""}${pathname.replace(/\/+$/, "")}`;
  return {
    ...dockerEnv({}, `tcp://${address}/api/v1/nodes/${encodeURIComponent(nodeName)}/proxy`),
    DOCKER_TLS_VERIFY: "1",
    DOCKER_CERT_PATH: dir,
  };
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

const startMs = 10_000;
const lookMs = 50;

/** A forwarder of its own, which outlives this command until `--unset`, or until nobody uses it. */
async function forwarded(
  call: Call,
  { nodeName, context }: NodeTarget,
  dir: string,
): Promise<string> {
  const socketPath = join(dir, "s");
  if (await answers(socketPath)) return `unix://${socketPath}`;
  const path = text(call.flags, "kubeconfig");
  const given = [...(path === undefined ? [] : ["--kubeconfig", path]), "--context", context];
  const program = join(import.meta.dirname, "..", "lighthouse.mjs");
  const args = [program, "__docker-forward", ...given, nodeName, socketPath];
  const env = { ...process.env, ...call.io.env };
  spawn(process.execPath, args, { detached: true, stdio: "ignore", env }).unref();
  for (const end = Date.now() + startMs; Date.now() < end;) {
    if (await answers(socketPath)) return `unix://${socketPath}`;
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  throw timedOut(`Cannot start a forwarder for node ${nodeName}: it does not answer`);
}

/** Takes every variable back that this command may have set. */
const unsetAll: Readonly<Record<string, undefined>> = Object.fromEntries(
  Object.keys(dockerEnv({}, "")).map((name) => [name, undefined]),
);

/** `lighthouse docker-env NODE`: what a shell needs so that docker speaks to the host of a Node. */
export const runDockerEnv: Run = async (call: Call) => {
  const { flags, io, args } = call;
  const shell = shells.find((one) => one === text(flags, "shell")) ?? shellOf(io.env);
  const unset = flags["unset"] === true;
  if (unset && args.length === 0) {
    io.out(exportLines(shell, unsetAll, lineOf(call, shell)));
    return 0;
  }
  const target = await nodeTarget(call);
  if (!unset) await mustExist(call, target);
  const dir = await directoryOf(call, target);
  // A forwarder there notices that its socket is gone, and ends.
  if (unset) await rm(dir, { recursive: true, force: true });
  const values = unset ? unsetAll : await valuesFor(call, target, dir);
  io.out(exportLines(shell, values, lineOf(call, shell)));
  return 0;
};

/** A wrong name is told here, not by every later docker command. Who may not look is believed. */
async function mustExist(call: Call, { nodeName }: NodeTarget): Promise<void> {
  const { client } = await call.connect();
  const node = await client.get(nodes, { name: nodeName }, call.signal).catch((err: unknown) => {
    if (!isForbidden(err)) throw err;
    return nodeName;
  });
  if (node === undefined) throw notFound(nodes, nodeName);
}

async function valuesFor(
  call: Call,
  target: NodeTarget,
  dir: string,
): Promise<Readonly<Record<string, string | undefined>>> {
  const direct = await directly(target, dir);
  return direct ?? dockerEnv({}, await forwarded(call, target, dir));
}

function lineOf({ args, flags }: Call, shell: Shell): string {
  const options = ["kubeconfig", "context"].flatMap((name) => {
    const value = text(flags, name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  const unset = flags["unset"] === true ? ["--unset"] : [];
  return ["lighthouse docker-env", ...unset, "--shell", shell, ...options, ...args].join(" ");
}
