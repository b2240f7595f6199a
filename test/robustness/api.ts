import { type Dispatcher, Agent, request } from "undici";
import { linesOf } from "../../api/client/watch-stream.ts";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";

/** What one attempt came to; nothing is ever tried again behind the caller's back. */
export type Answer = { readonly code: number; readonly body: unknown };

/** The plainest client of one API server: a retry would blur what was acknowledged. */
export type Api = AsyncDisposable & {
  /** @throws Error when no whole answer came within five seconds */
  send(method: Dispatcher.HttpMethod, path: string, body?: unknown): Promise<Answer>;
  /** Lines of a stream until it ends. @throws Error when it breaks or is refused */
  lines(path: string, signal: AbortSignal): AsyncGenerator<string>;
};

const timeoutMs = 5_000;

/** A client of a server with the credentials of a kubeconfig. */
export async function openApi(kubeconfig: string, server: string): Promise<Api> {
  const { config } = await loadKubeconfig({ path: kubeconfig });
  const { ca, credentials } = config;
  const known = typeof credentials === "function" ? await credentials() : credentials;
  const { clientCert: cert, clientKey: key } = known ?? {};
  const dispatcher = new Agent({
    connections: 32,
    connect: {
      timeout: timeoutMs,
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
    },
  });
  return {
    async send(method, path, body) {
      const answer = await request(`${server}${path}`, {
        dispatcher,
        method,
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      return { code: answer.statusCode, body: await answer.body.json() };
    },
    async *lines(path, signal) {
      const { statusCode, body } = await request(`${server}${path}`, {
        dispatcher,
        signal,
        bodyTimeout: 0,
        headersTimeout: timeoutMs,
      });
      if (statusCode === 200) yield* linesOf(body);
      else throw new Error(`${path} answered ${statusCode}: ${await body.text()}`);
    },
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  };
}
