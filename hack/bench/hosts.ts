import { readdir, readFile } from "node:fs/promises";
import { type PrivateDockerd, privateDockerd } from "../../test/kit/dockerd.ts";
import { mustRun, run } from "../../test/kit/run.ts";
import { freePrefix } from "../docker/bridge.ts";
import { guarded } from "./interrupts.ts";
import { openRawEngine, type RawEngine } from "./raw-engine.ts";

/** A Docker host with a network of its own, on one bridge with the others. */
export type BenchHost = {
  readonly name: string;
  readonly dockerd: PrivateDockerd;
  readonly engine: RawEngine;
  /** Its address on the bridge. */
  readonly address: string;
  /** Its network namespace, as `ip netns` knows it. */
  readonly namespace: string;
  /** Pulls its plug: nothing goes in or out until `connect`. */
  cut(): Promise<void>;
  connect(): Promise<void>;
};

/** Some hosts side by side on this machine. Disposing of them leaves nothing behind. */
export type BenchHosts = AsyncDisposable & {
  readonly hosts: readonly BenchHost[];
  /** This machine's address on their bridge. */
  readonly address: string;
};

const prefixOfNames = "lhb";
const ip = (...args: readonly string[]): Promise<string> => mustRun(["ip", ...args]);
const tryIp = (...args: readonly string[]): Promise<unknown> => run(["ip", ...args]);

/** Frames between hosts are not the business of this machine's packet filter. */
const filterRule = (bridge: string): readonly string[] =>
  `FORWARD -i ${bridge} -o ${bridge} -j ACCEPT`.split(" ");

async function isBench(pid: number): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return line.includes("bench");
}

async function removeBridge(bridge: string): Promise<void> {
  await run(["iptables", "-D", ...filterRule(bridge)]);
  await tryIp("link", "del", bridge);
}

/** Takes away what benches left behind that were killed before they could. */
async function sweep(): Promise<void> {
  const isOrphan = async (name: string): Promise<boolean> => {
    const [, tag] = new RegExp(`^${prefixOfNames}-([0-9a-z]+)`).exec(name) ?? [];
    return tag !== undefined && !(await isBench(Number.parseInt(tag, 36)));
  };
  const spaces = await readdir("/var/run/netns").catch(() => []);
  for (const name of spaces) if (await isOrphan(name)) await tryIp("netns", "del", name);
  const links = await readdir("/sys/class/net").catch(() => []);
  for (const name of links) if (await isOrphan(name)) await removeBridge(name);
}

async function connectNamespace(
  namespace: string,
  bridge: string,
  addresses: { readonly own: string; readonly gateway: string },
): Promise<void> {
  const inside = (...args: readonly string[]): Promise<string> => ip("-n", namespace, ...args);
  await ip("netns", "add", namespace);
  await ip("link", "add", namespace, "type", "veth", "peer", "name", "eth0", "netns", namespace);
  await ip("link", "set", namespace, "master", bridge, "up");
  await inside("addr", "add", `${addresses.own}/24`, "dev", "eth0");
  await inside("link", "set", "eth0", "up");
  await inside("link", "set", "lo", "up");
  await inside("route", "add", "default", "via", addresses.gateway);
}

async function startHost(
  number: number,
  { bridge, prefix }: { readonly bridge: string; readonly prefix: string },
): Promise<AsyncDisposable & BenchHost> {
  await using stack = new AsyncDisposableStack();
  const namespace = `${bridge}-${number}`;
  const address = `${prefix}.${10 + number}`;
  stack.defer(async () => {
    await tryIp("netns", "del", namespace);
    await tryIp("link", "del", namespace);
  });
  await connectNamespace(namespace, bridge, { own: address, gateway: `${prefix}.1` });
  const network = { namespace, bridgeAddress: `172.${30 + number}.0.1/16` };
  const dockerd = stack.use(
    await privateDockerd({ network, insecureRegistries: [`${prefix}.0/24`] }),
  );
  const engine = stack.use(openRawEngine(dockerd.url));
  const owned = stack.move();
  return {
    name: `host-${number}`,
    dockerd,
    engine,
    address,
    namespace,
    cut: async () => void (await ip("link", "set", namespace, "down")),
    connect: async () => void (await ip("link", "set", namespace, "up")),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Starts hosts, each with its own dockerd in its own network namespace. Needs root, dockerd, iproute2. */
export async function startHosts(count: number): Promise<BenchHosts> {
  await sweep();
  await using stack = new AsyncDisposableStack();
  const bridge = `${prefixOfNames}-${process.pid.toString(36)}`;
  const prefix = await freePrefix();
  const net = guarded({ [Symbol.asyncDispose]: () => removeBridge(bridge) });
  stack.use(net);
  await ip("link", "add", bridge, "type", "bridge");
  await ip("addr", "add", `${prefix}.1/24`, "dev", bridge);
  await ip("link", "set", bridge, "up");
  await run(["iptables", "-I", ...filterRule(bridge)]);
  const hosts: BenchHost[] = [];
  for (let number = 1; number <= count; number++) {
    hosts.push(stack.use(guarded(await startHost(number, { bridge, prefix }))));
  }
  const owned = stack.move();
  return {
    hosts,
    address: `${prefix}.1`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
