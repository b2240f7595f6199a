import { type PrivateDockerd, privateDockerd } from "../../test/kit/dockerd.ts";
import { type Cable, type Network, openNetwork } from "../../test/kit/namespaces.ts";
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
  /** With its plug pulled nothing goes in or out. */
  readonly cable: Cable;
};

/** Some hosts side by side on this machine. Disposing of them leaves nothing behind. */
export type BenchHosts = AsyncDisposable & {
  readonly hosts: readonly BenchHost[];
  /** This machine's address on their bridge. */
  readonly address: string;
};

async function startHost(number: number, network: Network): Promise<AsyncDisposable & BenchHost> {
  await using stack = new AsyncDisposableStack();
  const { namespace, address, cable } = await network.join();
  const space = { namespace, bridgeAddress: `172.${30 + number}.0.1/16` };
  const dockerd = stack.use(
    await privateDockerd({ network: space, insecureRegistries: [network.range] }),
  );
  const engine = stack.use(openRawEngine(dockerd.url));
  const owned = stack.move();
  return {
    name: `host-${number}`,
    dockerd,
    engine,
    address,
    namespace,
    cable,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Starts hosts, each with its own dockerd in its own network namespace. Needs root, dockerd, iproute2. */
export async function startHosts(count: number): Promise<BenchHosts> {
  await using stack = new AsyncDisposableStack();
  const network = await openNetwork();
  stack.use(guarded(network));
  const hosts: BenchHost[] = [];
  for (let number = 1; number <= count; number++) {
    hosts.push(stack.use(guarded(await startHost(number, network))));
  }
  const owned = stack.move();
  const { address } = network;
  return { hosts, address, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
