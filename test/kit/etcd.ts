import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";

/** Files for an etcd that speaks TLS and asks for client certificates of the same authority. */
export type EtcdFiles = { readonly ca: string; readonly cert: string; readonly key: string };

/** A real etcd, or one member of it, on a port of its own; its data lasts until it is disposed of. */
export interface EtcdServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`, the same across restarts. */
  readonly host: string;
  readonly running: boolean;
  start(): Promise<void>;
  /** Ends it and waits for that; SIGTERM unless another signal is named. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Sends a signal without waiting, e.g. SIGSTOP and SIGCONT. */
  signal(name: NodeJS.Signals): void;
}

/** Starts etcd over an empty data directory. Its output shows only in a failure to start. */
export async function startEtcd(
  tls?: EtcdFiles,
  args: readonly string[] = [],
): Promise<EtcdServer> {
  const more = [...tlsArgs(tls), ...args];
  const [server] = (await startMembers(["test"], more)) as [EtcdServer];
  return server;
}

/** Starts one cluster of so many members; each can be stopped and started by itself. */
export async function startEtcdCluster(size: number): Promise<readonly EtcdServer[]> {
  const names = Array.from({ length: size }, (_, index) => `member-${index}`);
  return startMembers(names, []);
}

async function startMembers(
  names: readonly string[],
  args: readonly string[],
): Promise<readonly EtcdServer[]> {
  const members: Member[] = [];
  for (const name of names) {
    const dir = await mkdtemp(join(tmpdir(), "lighthouse-etcd-"));
    members.push({ name, dir, port: await freePort(), peer: await freePort() });
  }
  const cluster = members.map(({ name, peer }) => `${name}=http://127.0.0.1:${peer}`).join(",");
  const servers = members.map((member) => new Server(member, cluster, args));
  try {
    await Promise.all(servers.map((server) => server.start()));
  } catch (err) {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    throw err;
  }
  return servers;
}

type Member = {
  readonly name: string;
  readonly dir: string;
  readonly port: number;
  readonly peer: number;
};

class Server implements EtcdServer {
  readonly host: string;
  readonly #dir: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #output = "";

  constructor(
    { name, dir, port, peer: peerPort }: Member,
    cluster: string,
    args: readonly string[],
  ) {
    this.#dir = dir;
    this.host = `127.0.0.1:${port}`;
    const scheme = args.some((arg) => arg.startsWith("--cert-file")) ? "https" : "http";
    const peer = `http://127.0.0.1:${peerPort}`;
    this.#args = [
      `--name=${name}`,
      `--data-dir=${dir}/data`,
      `--listen-client-urls=${scheme}://${this.host}`,
      `--advertise-client-urls=${scheme}://${this.host}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${cluster}`,
      ...args,
    ];
  }

  get running(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  async start(): Promise<void> {
    const child = spawn("etcd", this.#args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    this.#output = "";
    child.stderr.on("data", (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-20_000);
    });
    await once(child, "spawn");
    await eventually(`etcd serves on ${this.host}`, () => {
      if (!this.running) throw new Error(`etcd ended:\n${this.#output}`);
      return this.#output.includes("serving");
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.running) return;
    const ended = once(child, "exit");
    child.kill(signal);
    if (signal !== "SIGKILL") child.kill("SIGCONT"); // one that is stopped ends only when it runs
    await ended;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.#dir, { recursive: true, force: true });
  }
}

function tlsArgs(tls: EtcdFiles | undefined): string[] {
  if (tls === undefined) return [];
  return [
    `--cert-file=${tls.cert}`,
    `--key-file=${tls.key}`,
    `--trusted-ca-file=${tls.ca}`,
    "--client-cert-auth",
  ];
}
