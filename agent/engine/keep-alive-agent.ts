import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { inspect } from "node:util";

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

/** An agent that reuses connections, for http or https. Destroy it when the engine is closed. */
export function createKeepAliveAgent(secure: boolean): HttpAgent {
  return secure ? new BriefHttpsAgent(options) : new BriefHttpAgent(options);
}
