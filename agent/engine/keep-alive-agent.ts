import type { Duplex } from "node:stream";
import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { inspect } from "node:util";
import { tlsFloor } from "../../api/machinery/tls-floor.ts";
import type { Endpoint } from "./endpoint.ts";
import { createSshAgent } from "./ssh/ssh-agent.ts";
import { createSshLines } from "./ssh/ssh-lines.ts";

// docker-modem formats its request options with util.inspect on every call, debug or not. Walking an
// agent and its sockets made it 50 times slower; these two show themselves as one word.
const brief = (): string => "Agent";

class BriefHttpAgent extends HttpAgent {
  readonly [inspect.custom] = brief;
}

class BriefHttpsAgent extends HttpsAgent {
  readonly [inspect.custom] = brief;
}

// Streams (logs, events, exec) hold a socket each for as long as they live, so sockets are not
// bounded here; calls that cost the engine are bounded by a gate.
const options: AgentOptions = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 16 };

/** How calls of one endpoint get their connections. */
export type EngineAgents = {
  /** Keeps connections for the next call. */
  readonly kept: HttpAgent;
  /** A connection of its own for each call. */
  readonly once: HttpAgent;
  /** Connects to an address as the engine's machine sees it; absent where the way does not carry that. */
  readonly forward?: (to: { readonly host: string; readonly port: number }) => Promise<Duplex>;
  /** Drops idle connections. */
  close(): void;
};

function agentsOf(endpoint: Endpoint): EngineAgents {
  if (endpoint.kind === "ssh") {
    const lines = createSshLines(endpoint);
    const kept = createSshAgent(lines, options);
    const once = createSshAgent(lines, { keepAlive: false });
    return { kept, once, forward: (to) => lines.forward(to), close: () => lines.close() };
  }
  const isSecure = endpoint.kind === "tcp" && endpoint.tls !== undefined;
  const open = (how: AgentOptions): HttpAgent =>
    isSecure ? new BriefHttpsAgent({ ...how, ...tlsFloor }) : new BriefHttpAgent(how);
  return { kept: open(options), once: open({ keepAlive: false }), close: () => undefined };
}

/** Agents for an endpoint. Close them when the engine is closed. */
export function createEngineAgents(endpoint: Endpoint): EngineAgents {
  const agents = agentsOf(endpoint);
  const { kept, once } = agents;
  return {
    ...agents,
    close: () => {
      kept.destroy();
      once.destroy();
      agents.close();
    },
  };
}
