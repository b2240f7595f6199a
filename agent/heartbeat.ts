import type { NodeRegistry } from "./node-registry.ts";
import { pause, type Persistence } from "./persist.ts";

const heartbeatMs = 10_000;

/** Renews the lease of a Node until the signal aborts; one that fails is followed by the next. */
export async function beat(
  registry: NodeRegistry,
  node: string,
  { clock, log, signal }: Persistence,
): Promise<void> {
  while (!signal.aborted) {
    await registry.heartbeat(node, signal).catch((err: unknown) => {
      if (!signal.aborted) log.warn({ err, node }, "cannot renew the lease");
    });
    await pause(heartbeatMs, { clock, signal });
  }
}
