import { Agent, type Dispatcher } from "undici";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";

/** The load generator: keep-alive connections, no retries, answers read to their end. */
export type BenchClient = AsyncDisposable & {
  /** The answer's body. @throws Error when its code is 300 or more */
  send(method: Dispatcher.HttpMethod, path: string, body?: BenchBody): Promise<string>;
};

/** A body that is encoded already. */
export type BenchBody = { readonly text: string; readonly type?: string };

/** A client with the rights of a kubeconfig; `connections` are its most. `url`: of another server
 * with the same authority. */
export async function openBenchClient(
  kubeconfig: string,
  connections: number,
  url?: string,
): Promise<BenchClient> {
  const { config } = await loadKubeconfig({ path: kubeconfig });
  const { server, ca, credentials } = config;
  const who = typeof credentials === "function" ? await credentials() : credentials;
  const agent = new Agent({
    connections,
    allowH2: false, // each client its own connection, as processes have it
    connect: {
      ...(ca && { ca }),
      ...(who?.clientCert && { cert: who.clientCert }),
      ...(who?.clientKey && { key: who.clientKey }),
    },
  });
  return {
    async send(method, path, body) {
      const { statusCode, body: answer } = await agent.request({
        origin: url ?? server,
        path,
        method,
        ...(body === undefined
          ? {}
          : { body: body.text, headers: { "content-type": body.type ?? "application/json" } }),
      });
      const text = await answer.text();
      if (statusCode >= 300) throw new Error(`${method} ${path} answered ${statusCode}: ${text}`);
      return text;
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}
