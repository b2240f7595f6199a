import { type AgentOptions, runAgent } from "../../agent/main.ts";
import { type ActiveOptions, runActive } from "../../agent/active.ts";
import { dialTargetOf } from "../../agent/dial-target.ts";
import { keepTunnel } from "../../agent/tunnel.ts";
import type { ClientConfig } from "../../api/client/config.ts";
import { createServedNodes } from "../../api/tunnel/served-nodes.ts";
import { productVersion } from "../version.ts";
import { runParts } from "./run-parts.ts";

/** An agent without the way to its callers, and how it finds out whether it is the one to act. */
export type TunnelledAgent = Omit<AgentOptions, "register"> &
  Pick<ActiveOptions, "leaseMs" | "retryMs" | "self">;

/**
 * Runs an agent in a process of its own: it answers for its Nodes through the tunnel that it keeps open. Of
 * several agents of one beacon one is active, the others stand by.
 */
export async function runTunnelledAgent(
  options: TunnelledAgent,
  config: ClientConfig,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, beacon } = options;
  const userAgent = `lighthouse-agent/${productVersion}`;
  const target = { ...dialTargetOf(config, beacon), userAgent };
  await runActive(options, signal, (active) => {
    const nodes = createServedNodes();
    const register: AgentOptions["register"] = (node, _streams, handler) =>
      nodes.serve(node, handler);
    return runParts(
      [
        (until) => runAgent({ ...options, register }, until),
        (until) => keepTunnel({ target, nodes, clock, log }, until),
      ],
      active,
    );
  });
}
