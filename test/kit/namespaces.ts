import { execFileSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { freePrefix } from "../../hack/docker/bridge.ts";
import { mustRun, run } from "./run.ts";

/** What connects a place to all others. */
export interface Cable {
  cut(): void;
  mend(): void;
}

/** A network namespace with one cable to the others. */
export type Place = {
  /** As `ip netns` knows it. */
  readonly namespace: string;
  readonly address: string;
  readonly cable: Cable;
};

/** A network of namespaces on this machine. Disposing of it leaves nothing behind. */
export type Network = AsyncDisposable & {
  /** This machine's address in it. */
  readonly address: string;
  /** The addresses of all that are in it, e.g. `10.0.7.0/24`. */
  readonly range: string;
  /** A namespace of its own, connected. */
  join(): Promise<Place>;
};

const prefixOfNames = "lhf";
const searchPath = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
const env = { PATH: searchPath };
const ip = (...args: readonly string[]): Promise<string> => mustRun(["ip", ...args], { env });
const tryIp = (...args: readonly string[]): Promise<unknown> => run(["ip", ...args], { env });

/** Frames between places are not the business of this machine's packet filter. */
const filterRule = (bridge: string): readonly string[] =>
  `FORWARD -i ${bridge} -o ${bridge} -j ACCEPT`.split(" ");

async function isAlive(tag: string): Promise<boolean> {
  const pid = Number.parseInt(tag, 36);
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return line.includes("node") || line.includes("vitest");
}

/** Takes away what runs left behind that were killed before they could. */
async function sweep(): Promise<void> {
  const isOrphan = async (name: string): Promise<boolean> => {
    const [, tag] = new RegExp(`^${prefixOfNames}([0-9a-z]+)-`).exec(name) ?? [];
    return tag !== undefined && !(await isAlive(tag));
  };
  const spaces = await readdir("/run/netns").catch(() => []);
  for (const name of spaces) if (await isOrphan(name)) await tryIp("netns", "del", name);
  const links = await readdir("/sys/class/net").catch(() => []);
  for (const name of links) if (await isOrphan(name)) await removeBridge(name);
}

async function removeBridge(bridge: string): Promise<void> {
  await run(["iptables", "-D", ...filterRule(bridge)], { env });
  await tryIp("link", "del", bridge);
}

async function connect(
  namespace: string,
  bridge: string,
  prefix: string,
  number: number,
): Promise<void> {
  const inside = (...args: readonly string[]): Promise<string> => ip("-n", namespace, ...args);
  await ip("netns", "add", namespace);
  await ip("link", "add", namespace, "type", "veth", "peer", "name", "eth0", "netns", namespace);
  await ip("link", "set", namespace, "master", bridge, "up");
  await inside("addr", "add", `${prefix}.${10 + number}/24`, "dev", "eth0");
  await inside("link", "set", "eth0", "up");
  await inside("link", "set", "lo", "up");
  await inside("route", "add", "default", "via", `${prefix}.1`);
}

/** At once, so that the cut falls into the moment that it is meant for. */
function setLink(name: string, state: "up" | "down"): void {
  execFileSync("ip", ["link", "set", name, state], { env: { ...process.env, ...env } });
}

let networks = 0;

/** Opens a network with a bridge of its own. Needs root and iproute2. */
export async function openNetwork(): Promise<Network> {
  await sweep();
  await using stack = new AsyncDisposableStack();
  networks += 1;
  const tag = `${prefixOfNames}${process.pid.toString(36)}-${networks}`;
  const bridge = `${tag}b`;
  const prefix = await freePrefix();
  stack.defer(() => removeBridge(bridge));
  await ip("link", "add", bridge, "type", "bridge");
  await ip("addr", "add", `${prefix}.1/24`, "dev", bridge);
  await ip("link", "set", bridge, "up");
  // Only a machine that filters what crosses its bridges has the program.
  await run(["iptables", "-I", ...filterRule(bridge)], { env });
  let count = 0;
  const owned = stack.move();
  return {
    address: `${prefix}.1`,
    range: `${prefix}.0/24`,
    async join() {
      count += 1;
      const namespace = `${tag}n${count}`;
      owned.defer(async () => {
        await tryIp("netns", "del", namespace);
        await tryIp("link", "del", namespace);
      });
      await connect(namespace, bridge, prefix, count);
      return {
        namespace,
        address: `${prefix}.${10 + count}`,
        cable: {
          cut: () => setLink(namespace, "down"),
          mend: () => setLink(namespace, "up"),
        },
      };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
