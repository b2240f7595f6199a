import type { SecureContext } from "node:tls";
import type { Agent } from "undici";
import { tlsFloor } from "../machinery/tls-floor.ts";
import type { ClientConfig, Credentials } from "./config.ts";

/** What a connection is for: answers that end soon, or streams that hold it for as long as they go. */
export type Use = "calls" | "streams";

/** Connections to one server, by the client certificate that they were opened with. */
export interface AgentPool extends AsyncDisposable {
  for(credentials: Credentials, use: Use): Promise<Agent>;
}

/**
 * A hundred calls at once over a hundred new TLS connections cost four times the processor time of
 * the same over sixteen. Streams are not limited: a watch must never wait for another one's end.
 */
const callConnections = 16;

async function createAgent(
  config: ClientConfig,
  identity: Promise<SecureContext>,
  use: Use,
): Promise<Agent> {
  const { Agent } = await import("undici"); // lazily: `--help` and `version` need no network
  return new Agent({
    // HTTP/1.1: over few kept connections it costs no more than HTTP/2, and a stream that stalls
    // or breaks takes no other with it.
    allowH2: false,
    connections: use === "calls" ? callConnections : null,
    headersTimeout: 0, // the transport's own deadlines bound every call
    bodyTimeout: 0,
    keepAliveTimeout: 60_000,
    connect: {
      timeout: 10_000,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
      rejectUnauthorized: config.insecureSkipTlsVerify !== true,
      ...(config.tlsServerName === undefined ? {} : { servername: config.tlsServerName }),
      secureContext: await identity,
    },
  });
}

/** Who we are and whom we trust, read once: to read it for each connection costs as much as the rest. */
async function createIdentity({ ca }: ClientConfig, who: Credentials): Promise<SecureContext> {
  const { createSecureContext } = await import("node:tls");
  return createSecureContext({
    ...tlsFloor,
    ...(ca === undefined ? {} : { ca }),
    ...(who.clientCert === undefined ? {} : { cert: who.clientCert }),
    ...(who.clientKey === undefined ? {} : { key: who.clientKey }),
  });
}

type Agents = Readonly<Record<Use, Promise<Agent>>>;

/** Keeps the agents of the latest certificate and roots, so that a rotated one takes effect without a restart. */
export function createAgentPool(config: ClientConfig): AgentPool {
  let current: { readonly id: string; readonly agents: Agents } | undefined;
  const create = (who: Credentials): Agents => {
    const identity = createIdentity(config, who);
    const agents = {
      calls: createAgent(config, identity, "calls"),
      streams: createAgent(config, identity, "streams"),
    };
    // An unreadable certificate fails each call that asks for an agent; nobody may ask for streams.
    for (const agent of Object.values(agents)) agent.catch(() => undefined);
    return agents;
  };
  const retire = async (agents: Agents): Promise<void> => {
    // Calls in flight end on the old connections; `close` waits for them.
    for (const agent of [agents.calls, agents.streams]) await (await agent).close();
  };
  return {
    for(credentials, use) {
      const { clientCert = "", clientKey = "" } = credentials;
      const id = `${clientCert}\n${clientKey}\n${config.ca ?? ""}`;
      if (current?.id === id) return current.agents[use];
      const before = current;
      current = { id, agents: create(credentials) };
      if (before !== undefined) void retire(before.agents).catch(() => undefined); // nobody waits
      return current.agents[use];
    },
    async [Symbol.asyncDispose]() {
      const last = current;
      current = undefined;
      if (last === undefined) return;
      const { calls, streams } = last.agents;
      for (const agent of [calls, streams]) await (await agent).destroy();
    },
  };
}
