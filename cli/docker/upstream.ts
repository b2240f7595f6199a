import { Agent as HttpAgent, type ClientRequest, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { ClientConfig, Credentials } from "../../api/client/config.ts";
import { tlsFloor } from "../../api/machinery/tls-floor.ts";

/** The Docker API of one Node as its API server offers it, with the user's credentials. */
export interface Upstream {
  /** Before each path of the Docker API, e.g. `/api/v1/nodes/host-1/proxy`. */
  readonly basePath: string;
  /** Value of the Host header. */
  readonly host: string;
  /** What proves who we are, for the headers. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** Begins one request; `path` is that of the Docker API. */
  request(options: UpstreamRequest): Promise<ClientRequest>;
  /** A connection for raw HTTP/1.1, whose halves end on their own. */
  connect(): Promise<Socket>;
  close(): void;
}

/** One request of the local client. */
export type UpstreamRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
};

async function credentialsOf({ credentials = {} }: ClientConfig): Promise<Credentials> {
  return typeof credentials === "function" ? credentials() : credentials;
}

/** Reaches a Node through an API server. Nothing is opened before the first call. */
export function createUpstream(config: ClientConfig, nodeName: string): Upstream {
  const server = new URL(config.server);
  const secure = server.protocol === "https:";
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const base = server.pathname.replace(/\/+$/, "");
  const basePath = `${base}/api/v1/nodes/${encodeURIComponent(nodeName)}/proxy`;
  const address = {
    host: server.hostname.replace(/^\[|\]$/g, ""),
    port: Number(server.port || (secure ? 443 : 80)),
  };
  const tls = async (): Promise<ConnectionOptions> => {
    const { clientCert, clientKey } = await credentialsOf(config);
    return {
      ...tlsFloor,
      rejectUnauthorized: config.insecureSkipTlsVerify !== true,
      ...(config.tlsServerName === undefined ? {} : { servername: config.tlsServerName }),
      ...(config.ca === undefined ? {} : { ca: config.ca }),
      ...(clientCert === undefined ? {} : { cert: clientCert }),
      ...(clientKey === undefined ? {} : { key: clientKey }),
    };
  };
  const headers = async (): Promise<Readonly<Record<string, string>>> => {
    const { token } = await credentialsOf(config);
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  };
  return {
    basePath,
    host: server.host,
    headers,
    async request({ method, path, headers: sent }) {
      const own = { ...sent, host: server.host, ...(await headers()) };
      const options = { ...address, agent, method, path: `${basePath}${path}`, headers: own };
      return secure ? httpsRequest({ ...options, ...(await tls()) }) : httpRequest(options);
    },
    async connect() {
      // With one half ended the other goes on: `docker run -i` ends its input and waits for output.
      const both = { ...address, allowHalfOpen: true };
      if (!secure) return connectPlain(both);
      const options = { ...both, ALPNProtocols: ["http/1.1"], ...(await tls()) };
      return connectTls(options as ConnectionOptions);
    },
    close: () => agent.destroy(),
  };
}
