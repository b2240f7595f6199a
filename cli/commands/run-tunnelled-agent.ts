import { type AgentOptions, runAgent } from "../../agent/main.ts";
import { dialTargetOf } from "../../agent/dial-target.ts";
import { keepTunnel } from "../../agent/tunnel.ts";
import type { ClientConfig } from "../../api/client/config.ts";
import { createServedNodes } from "../../api/tunnel/served-nodes.ts";
import { productVersion } from "../version.ts";
import { runParts } from "./run-parts.ts";

/** Runs an agent in a process of its own: it answers for its Nodes through the tunnel that it keeps open. */
export async function runTunnelledAgent(
  options: Omit<AgentOptions, "register">,
  config: ClientConfig,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, beacon } = options;
  const nodes = createServedNodes();
  const userAgent = `lighthouse-agent/${productVersion}`;
  const target = dialTargetOf({ ...config, userAgent }, beacon);
  await runParts(
    [
      (until) =>
        runAgent(
          {
            ...options,
            register: (node, _streams, handler) => nodes.serve(node, handler),
          },
          until,
        ),
      (until) => keepTunnel({ target, nodes, clock, log }, until),
    ],
    signal,
  );
}
