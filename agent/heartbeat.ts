import type { NodeRegistry } from "./node-registry.ts";
import { pause, type Persistence } from "./persist.ts";

const heartbeatMs = 10_000;
/** An API that is away must not keep an agent from its end. */
const farewellMs = 1_000;

/**
 * Renews the lease of a Node until the signal aborts; one that fails is followed by the next. The last
 * word is a farewell, so that a Node whose agent was stopped is not taken for ready for long.
 */
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
  const said = registry.farewell(node).catch((err: unknown) => {
    log.debug({ err, node }, "cannot say farewell; the lease runs out by itself");
  });
  await Promise.race([said, pause(farewellMs, { clock, signal: AbortSignal.timeout(farewellMs) })]);
}
