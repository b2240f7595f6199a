import type { Dispatcher } from "undici";
import { rootsHeader } from "../machinery/authority.ts";
import { fromStatus } from "../machinery/status.ts";
import type { AgentPool, Use } from "./agent-pool.ts";
import { type ClientConfig, clientDefaults } from "./config.ts";
import { fromConnectionError, isConnectionLost } from "./connection-error.ts";
import { warningsOf } from "./warnings.ts";

/** One call. `path` is absolute and carries its query. */
export type HttpRequest = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
  readonly accept?: string;
  /** Sent as the header Lighthouse-Fence. */
  readonly fence?: string | undefined;
  /** Doing it twice is doing it once: it may be retried. */
  readonly idempotent: boolean;
};

/** A request with the kind of connection that it takes. */
export type Outgoing = HttpRequest & { readonly use: Use };

/** Header names in lower case. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What one exchange came to. With `waitMs` (milliseconds), another try after it may succeed. */
export type Outcome<T> =
  { readonly value: T } | { readonly err: unknown; readonly waitMs?: number };

/** Sends one request once; `read` takes what it wants from an answer below 400. Never rejects. */
export type Exchange = <T>(
  request: Outgoing,
  signal: AbortSignal,
  read: (answer: Dispatcher.ResponseData) => Promise<T>,
) => Promise<Outcome<T>>;

/** A server that asks for more than this is not waited for. */
const maxWaitMs = 20_000;

const headerText = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === "string" ? value : value?.[0];

/** Milliseconds that the answer asks to wait; `undefined`: do not come back. */
function retryAfterMs(status: number, headers: Headers): number | undefined {
  if (status !== 429 && status < 500) return undefined;
  const text = headerText(headers["retry-after"]);
  if (text === undefined) return status === 429 ? 1_000 : undefined;
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) && ms <= maxWaitMs ? Math.max(0, ms) : undefined;
}

/** The body of a failure; anything that is no Status, such as a proxy's page, is left out. */
function parseFailure(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The whole body as text. */
export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** How to do one exchange with the server of `config` over the connections of `pool`. */
export function createExchange(config: ClientConfig, pool: AgentPool): Exchange {
  const url = new URL(config.server);
  const base = url.pathname.replace(/\/+$/, "");

  async function send(request: Outgoing, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { credentials } = config;
    const who = (typeof credentials === "function" ? await credentials() : credentials) ?? {};
    const dispatcher = await pool.for(who, request.use);
    return dispatcher.request({
      origin: url.origin,
      path: base + request.path,
      method: request.method,
      headers: {
        "user-agent": config.userAgent ?? clientDefaults.userAgent,
        accept: request.accept ?? "application/json",
        ...(request.contentType === undefined ? {} : { "content-type": request.contentType }),
        ...(request.fence === undefined ? {} : { "lighthouse-fence": request.fence }),
        ...(who.token === undefined ? {} : { authorization: `Bearer ${who.token}` }),
      },
      body: request.body ?? null,
      signal,
    });
  }

  return async (request, signal, read) => {
    try {
      const answer = await send(request, signal);
      const roots = headerText(answer.headers[rootsHeader]);
      if (roots !== undefined) config.onRoots?.(roots);
      for (const text of warningsOf(answer.headers["warning"])) config.onWarning?.(text);
      if (answer.statusCode < 400) return { value: await read(answer) };
      const err = fromStatus(answer.statusCode, parseFailure(await readText(answer.body)));
      const waitMs = retryAfterMs(answer.statusCode, answer.headers);
      return waitMs === undefined ? { err } : { err, waitMs };
    } catch (err) {
      if (signal.aborted) return { err: signal.reason };
      const translated = fromConnectionError(err, config.server);
      return isConnectionLost(err) ? { err: translated, waitMs: 0 } : { err: translated };
    }
  };
}
