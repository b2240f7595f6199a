import type { Network, Place } from "./namespaces.ts";
import { mustRun, run } from "./run.ts";

const env = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };

/** A private network behind a gateway that translates addresses and lets nothing in. */
export type Gateway = Network & {
  /** Its place in the network outside. */
  readonly outside: Place;
  /** How many connections from outside it threw away. */
  refused(): Promise<number>;
  /** Loses this share of all packets in both directions, 0 to 1. */
  lose(share: number): Promise<void>;
};

const inside =
  (namespace: string) =>
  (...argv: readonly string[]): Promise<string> =>
    mustRun(["nsenter", `--net=/run/netns/${namespace}`, ...argv], { env });

/** Packets of a rule that is the only one of its chain with that comment. */
async function packetsOf(namespace: string, chain: string, comment: string): Promise<number> {
  const text = await inside(namespace)("iptables", "-L", chain, "-v", "-n", "-x");
  const line = text.split("\n").find((one) => one.includes(`/* ${comment} */`));
  return Number(/^\s*(\d+)/.exec(line ?? "")?.[1] ?? 0);
}

const refusal = "from outside";

async function filter(namespace: string): Promise<void> {
  const gate = inside(namespace);
  const known = ["-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT"];
  const drop = ["-m", "comment", "--comment", refusal, "-j", "DROP"];
  await gate("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
  await gate("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "eth0", "-j", "MASQUERADE");
  for (const chain of ["INPUT", "FORWARD"]) {
    await gate("iptables", "-A", chain, "-i", "eth0", ...known);
    await gate("iptables", "-A", chain, "-i", "eth0", ...drop);
  }
}

/** Adds a place behind the gateway; its cable ends at the gateway's switch. */
async function joinBehind(gateway: string, prefix: string, number: number): Promise<Place> {
  const gate = inside(gateway);
  const namespace = `${gateway}h${number}`;
  const port = `port${number}`;
  const ip = (...args: readonly string[]): Promise<string> => mustRun(["ip", ...args], { env });
  const here = (...args: readonly string[]): Promise<string> => ip("-n", namespace, ...args);
  await ip("netns", "add", namespace);
  const peer = ["type", "veth", "peer", "name", "eth0", "netns", namespace];
  await gate("ip", "link", "add", port, ...peer);
  await gate("ip", "link", "set", port, "master", "lan0", "up");
  await here("addr", "add", `${prefix}.${10 + number}/24`, "dev", "eth0");
  await here("link", "set", "eth0", "up");
  await here("link", "set", "lo", "up");
  await here("route", "add", "default", "via", `${prefix}.1`);
  const set = (state: "up" | "down"): void =>
    void gate("ip", "link", "set", port, state).catch((err: unknown) => console.error(err));
  const cable = { cut: () => set("down"), mend: () => set("up") };
  return { namespace, address: `${prefix}.${10 + number}`, cable };
}

/**
 * Opens a private network below another one: what is in it reaches out under the gateway's address,
 * and every connection from outside is dropped without an answer. Gateways may stand behind gateways.
 * `prefix` is the network's first three bytes; networks that never meet may share it.
 */
export async function openGateway(network: Network, prefix = "192.168.77"): Promise<Gateway> {
  const outside = await network.join();
  const { namespace } = outside;
  const gate = inside(namespace);
  await using stack = new AsyncDisposableStack();
  await gate("ip", "link", "add", "lan0", "type", "bridge");
  await gate("ip", "addr", "add", `${prefix}.1/24`, "dev", "lan0");
  await gate("ip", "link", "set", "lan0", "up");
  await filter(namespace);
  const lossy = (share: number): readonly string[] =>
    `PREROUTING -m statistic --mode random --probability ${share} -j DROP`.split(" ");
  let losing: readonly string[] | undefined;
  let count = 0;
  const owned = stack.move();
  return {
    outside,
    address: `${prefix}.1`,
    range: `${prefix}.0/24`,
    async join() {
      count += 1;
      const place = await joinBehind(namespace, prefix, count);
      owned.defer(async () => {
        await run(["ip", "netns", "del", place.namespace], { env });
      });
      return place;
    },
    async refused() {
      const [input, forward] = await Promise.all(
        ["INPUT", "FORWARD"].map((chain) => packetsOf(namespace, chain, refusal)),
      );
      return (input ?? 0) + (forward ?? 0);
    },
    async lose(share) {
      if (losing !== undefined) await gate("iptables", "-t", "raw", "-D", ...losing);
      losing = share === 0 ? undefined : lossy(share);
      if (losing !== undefined) await gate("iptables", "-t", "raw", "-A", ...losing);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
