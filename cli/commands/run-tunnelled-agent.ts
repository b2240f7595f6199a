import { type AgentOptions, runAgent } from "../../agent/main.ts";
import { keepTunnel } from "../../agent/tunnel.ts";
import { type ClientConfig, clientDefaults } from "../../api/client/config.ts";
import type { DialTarget } from "../../api/tunnel/dial.ts";
import { createServedNodes } from "../../api/tunnel/served-nodes.ts";
import { productVersion } from "../version.ts";
import { runParts } from "./run-parts.ts";

/** Whom the agent of a beacon dials, given how it reaches the API. */
function dialTargetOf(config: ClientConfig, beacon: string): DialTarget {
  const { server, ca, tlsServerName, insecureSkipTlsVerify, credentials = {} } = config;
  return {
    server,
    ...(ca === undefined ? {} : { ca }),
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
    ...(insecureSkipTlsVerify === undefined ? {} : { insecureSkipTlsVerify }),
    credentials: async () => (typeof credentials === "function" ? credentials() : credentials),
    userAgent: `${clientDefaults.userAgent}-agent/${productVersion}`,
    beacon,
  };
}

/** Runs an agent in a process of its own: it answers for its Nodes through the tunnel that it keeps open. */
export async function runTunnelledAgent(
  options: Omit<AgentOptions, "register">,
  config: ClientConfig,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, beacon } = options;
  const nodes = createServedNodes();
  const target = dialTargetOf(config, beacon);
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
