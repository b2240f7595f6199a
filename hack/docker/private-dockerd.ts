import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { createBridge, removeBridge, removeNetworkBridges } from "./bridge.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { killRemains, releaseRemains } from "./remains.ts";

/** How a private dockerd is started. */
export type DockerdOptions = {
  /** `KEY=VALUE` labels of the engine. */
  readonly labels?: readonly string[];
  /** Registries that may be reached without TLS; those on 127.0.0.0/8 always may. */
  readonly insecureRegistries?: readonly string[];
  /** End with the process that started it; for tests. */
  readonly dieWithParent?: boolean;
  /** How long it may take to answer. Default 30 s. */
  readonly timeoutMs?: number;
  /** Where it runs as a host of its own; absent: on the machine's network. */
  readonly network?: HostNetwork;
  /** Listens beside its socket on TCP for clients with a certificate. */
  readonly listen?: TlsListener;
  readonly env?: Readonly<Record<string, string>>;
};

/** A network namespace, whose packet filter is the engine's own. */
export type HostNetwork = {
  /** As `ip netns` knows it. */
  readonly namespace: string;
  /** Address and prefix of the bridge that containers are joined to, e.g. `172.31.0.1/16`. */
  readonly bridgeAddress: string;
};

/** `tcp://ADDRESS:2376` with ca.pem, cert.pem and key.pem of a directory, as `dockerd --tlsverify`. */
export type TlsListener = { readonly address: string; readonly certDir: string };

const searchPath = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;

/**
 * Rules are shared by the whole machine: another dockerd would flush them. Published ports work
 * without, through docker-proxy; containers reach this machine, not the Internet.
 */
const onSharedNetwork = ({ bridge }: Layout): readonly string[] => [
  `--bridge=${bridge}`,
  "--iptables=false",
  "--ip-forward=false",
  "--ip-masq=false",
];

const tlsFlags = ({ address, certDir }: TlsListener): readonly string[] => [
  `--host=tcp://${address}:2376`,
  "--tlsverify",
  `--tlscacert=${join(certDir, "ca.pem")}`,
  `--tlscert=${join(certDir, "cert.pem")}`,
  `--tlskey=${join(certDir, "key.pem")}`,
];

function argv(layout: Layout, options: DockerdOptions): readonly string[] {
  const lists = (flag: string, values: readonly string[] = []): readonly string[] =>
    values.map((value) => `${flag}=${value}`);
  return [
    // util-linux is essential on Debian; its setpriv lets the kernel end dockerd after us.
    ...(options.dieWithParent === true ? ["setpriv", "--pdeathsig", "TERM"] : []),
    // Not `ip netns exec`: that one mounts another /sys, without the control groups.
    ...(options.network === undefined
      ? []
      : ["nsenter", `--net=/var/run/netns/${options.network.namespace}`]),
    "dockerd",
    `--data-root=${layout.dataRoot}`,
    `--exec-root=${layout.execRoot}`,
    `--pidfile=${layout.pidFile}`,
    `--config-file=${layout.configFile}`,
    `--host=${layout.url}`,
    ...(options.listen === undefined ? [] : tlsFlags(options.listen)),
    ...(options.network === undefined
      ? onSharedNetwork(layout)
      : [`--bip=${options.network.bridgeAddress}`]),
    `--cgroup-parent=/${layout.cgroup}`,
    "--exec-opt=native.cgroupdriver=cgroupfs",
    "--shutdown-timeout=5",
    "--log-level=warn",
    ...lists("--label", options.labels),
    ...lists("--insecure-registry", options.insecureRegistries),
  ];
}

/**
 * Only what has no flag. The engine ID comes from this key: with its default path below /etc/docker
 * all engines of a machine would share one identity. Docker 23 and later keep it in the data root.
 */
function configuration(layout: Layout): string {
  return `${JSON.stringify({ "deprecated-key-path": layout.keyFile })}\n`;
}

async function launch(layout: Layout, options: DockerdOptions): Promise<ChildProcess> {
  const log = openSync(layout.logFile, "a");
  const [command = "", ...args] = argv(layout, options);
  const child = spawn(command, args, {
    detached: options.dieWithParent !== true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.env, PATH: searchPath },
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(new Error(`Cannot start dockerd: ${cause.message}`, { cause })),
    );
  });
  return child;
}

async function lastLogLines(layout: Layout): Promise<string> {
  const text = await readFile(layout.logFile, "utf8").catch(() => "");
  return text.trimEnd().split("\n").slice(-5).join("\n");
}

async function untilAnswers(layout: Layout, child: ChildProcess, timeoutMs: number): Promise<void> {
  await using engine = openEngine(layout.url);
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      await engine.info();
      return;
    } catch (cause) {
      const dead = child.exitCode !== null || child.signalCode !== null;
      if (dead || performance.now() > end) {
        const why = dead ? "it ended" : `no answer within ${timeoutMs} ms`;
        const log = await lastLogLines(layout);
        throw new Error(`Cannot start dockerd in ${layout.dir}: ${why}\n${log}`, { cause });
      }
    }
    await sleep(25);
  }
}

/** Whether `pid` is a dockerd of this layout, and not somebody who got the number later. */
async function isOurs(layout: Layout, pid: number): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return line.includes("dockerd") && line.includes(`--pidfile=${layout.pidFile}`);
}

async function runningPid(layout: Layout): Promise<number | undefined> {
  const pid = Number(await readFile(layout.pidFile, "utf8").catch(() => ""));
  return pid > 1 && (await isOurs(layout, pid)) ? pid : undefined;
}

/**
 * Starts Debian's dockerd privately: everything below `dir` (absolute, at most 69 bytes), on its own
 * socket, bridge and control group, touching neither firewall rules nor /etc/docker, so that any
 * number run side by side. Needs root. One that runs there already is left running.
 *
 * @throws Error with the end of its log when it does not come up; then nothing of it is left running.
 */
export async function startDockerd(dir: string, options: DockerdOptions = {}): Promise<Layout> {
  const layout = layoutOf(dir);
  if ((await runningPid(layout)) !== undefined) return layout;
  await mkdir(dir, { recursive: true });
  await writeFile(layout.configFile, configuration(layout));
  await killRemains(layout);
  await releaseRemains(layout);
  // Its process is dead; dockerd would wait for it if another one had its number by now.
  await rm(join(layout.execRoot, "containerd", "containerd.pid"), { force: true });
  if (options.network === undefined) await createBridge(layout);
  const child = await launch(layout, options);
  try {
    await untilAnswers(layout, child, options.timeoutMs ?? 30_000);
  } catch (err) {
    child.kill("SIGKILL");
    await stopDockerd(dir);
    throw err;
  }
  child.unref();
  return layout;
}

async function endGently(layout: Layout, pid: number): Promise<void> {
  process.kill(pid, "SIGTERM");
  const end = performance.now() + 15_000;
  while (await isOurs(layout, pid)) {
    if (performance.now() > end) process.kill(pid, "SIGKILL");
    await sleep(25);
  }
}

/**
 * Stops the dockerd of `dir` with its containers and takes away what it left in the machine; its
 * data stays unless `purge` is set. Resolves also when none runs.
 */
export async function stopDockerd(
  dir: string,
  { purge = false }: { readonly purge?: boolean } = {},
): Promise<void> {
  const layout = layoutOf(dir);
  const pid = await runningPid(layout);
  if (pid !== undefined) await endGently(layout, pid);
  await killRemains(layout);
  await releaseRemains(layout);
  await removeBridge(layout);
  await removeNetworkBridges(layout);
  await rm(layout.pidFile, { force: true });
  if (purge) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
}
