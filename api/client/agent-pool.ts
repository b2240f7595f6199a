import type { Agent } from "undici";
import type { ClientConfig, Credentials } from "./config.ts";

/** Connections to one server, by the client certificate that they were opened with. */
export interface AgentPool extends AsyncDisposable {
  for(credentials: Credentials): Promise<Agent>;
}

async function createAgent(config: ClientConfig, who: Credentials): Promise<Agent> {
  const { Agent } = await import("undici"); // lazily: `--help` and `version` need no network
  return new Agent({
    // HTTP/1.1: one socket per watch costs less than what undici's young HTTP/2 client may.
    allowH2: false,
    headersTimeout: 0, // the transport's own deadlines bound every call
    bodyTimeout: 0,
    keepAliveTimeout: 60_000,
    connect: {
      timeout: 10_000,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
      rejectUnauthorized: config.insecureSkipTlsVerify !== true,
      ...(config.ca === undefined ? {} : { ca: config.ca }),
      ...(config.tlsServerName === undefined ? {} : { servername: config.tlsServerName }),
      ...(who.clientCert === undefined ? {} : { cert: who.clientCert }),
      ...(who.clientKey === undefined ? {} : { key: who.clientKey }),
    },
  });
}

/** Keeps the agent of the latest certificate, so that a rotated one takes effect without a restart. */
export function createAgentPool(config: ClientConfig): AgentPool {
  let current: { readonly id: string; readonly agent: Promise<Agent> } | undefined;
  return {
    for(credentials) {
      const id = `${credentials.clientCert ?? ""}\n${credentials.clientKey ?? ""}`;
      if (current?.id === id) return current.agent;
      const before = current;
      current = { id, agent: createAgent(config, credentials) };
      // Calls in flight end on the old connections; `close` waits for them, and nobody for `close`.
      void before?.agent.then((agent) => agent.close()).catch(() => undefined);
      return current.agent;
    },
    async [Symbol.asyncDispose]() {
      const last = current;
      current = undefined;
      await (await last?.agent)?.destroy();
    },
  };
}
