import type { ClientConfig } from "../api/client/config.ts";
import type { DialTarget } from "../api/tunnel/dial.ts";
import { tunnelPath } from "../api/tunnel/protocol.ts";

/** Whom the agent of a beacon dials, given how it reaches the API. */
export function dialTargetOf(config: ClientConfig, beacon: string): DialTarget {
  const { server, tlsServerName, insecureSkipTlsVerify, userAgent, credentials = {} } = config;
  return {
    server,
    roots: () => config.ca,
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
    ...(insecureSkipTlsVerify === undefined ? {} : { insecureSkipTlsVerify }),
    ...(userAgent === undefined ? {} : { userAgent }),
    credentials: async () => (typeof credentials === "function" ? credentials() : credentials),
    path: tunnelPath(beacon),
    what: `the tunnel of beacon "${beacon}"`,
  };
}
