import { setTimeout as sleep } from "node:timers/promises";
import { internal, timedOut } from "../machinery/errors.ts";
import { createAgentPool } from "./agent-pool.ts";
import { type ClientConfig, clientDefaults } from "./config.ts";
import { fromConnectionError } from "./connection-error.ts";
import { type Deadline, deadline } from "./deadline.ts";
import {
  createExchange,
  type Headers,
  type HttpRequest,
  type Outcome,
  readText,
} from "./exchange.ts";

/** An answer whose status is below 400 and whose body is still to come. */
export type Opened = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
};

/**
 * HTTP to one API server, with its trust, credentials, retries and deadlines.
 *
 * Guarantees: every failure is a `StatusError`, except that an abort rejects with the signal's
 * reason; idempotent calls are retried on 429 and on 5xx with `Retry-After`, and once at once when
 * a kept-alive connection turned out to be dead; connections are kept and shared.
 */
export interface Transport extends AsyncDisposable {
  /** The whole answer, parsed; `undefined` when it has no body. */
  json(request: HttpRequest, signal?: AbortSignal): Promise<unknown>;
  /** Resolves with the headers; the body has no deadline and ends with `signal`. */
  open(request: HttpRequest, signal?: AbortSignal): Promise<Opened>;
}

const maxAttempts = 6;

/** The body with the transport's errors; lets go of the deadline's parent when it ends. */
async function* translated(
  body: AsyncIterable<Uint8Array>,
  end: Deadline,
  server: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (err) {
    throw end.signal.aborted ? end.signal.reason : fromConnectionError(err, server);
  } finally {
    end.dispose();
  }
}

function parseAnswer(text: string, { method, path }: HttpRequest): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch (cause) {
    throw internal(`Cannot read the answer to ${method} ${path}: it is not JSON`, { cause });
  }
}

/** Repeats an idempotent exchange until it succeeds or there is no point or time in another. */
async function repeat<T>(
  { idempotent }: HttpRequest,
  { signal, endMs }: { readonly signal: AbortSignal; readonly endMs: number },
  exchange: () => Promise<Outcome<T>>,
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    const outcome = await exchange();
    if ("value" in outcome) return outcome.value;
    const { err, waitMs } = outcome;
    const hopeless = waitMs === undefined || Date.now() + waitMs >= endMs;
    if (!idempotent || hopeless || tried >= maxAttempts) throw err;
    // A dead connection is retried at once, but a server that keeps cutting us off is not hammered.
    const pauseMs = waitMs === 0 && tried > 1 ? 100 * tried : waitMs;
    await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Speaks HTTP/1.1 with kept-alive connections; nothing is opened before the first call. */
export function createTransport(config: ClientConfig): Transport {
  const pool = createAgentPool(config);
  const exchange = createExchange(config, pool);
  const timeoutMs = config.requestTimeoutMs ?? clientDefaults.requestTimeoutMs;
  const endOf = (request: HttpRequest, signal?: AbortSignal): Deadline => {
    const what = `${request.method} ${config.server}${request.path}`;
    const late = (): Error => timedOut(`${what}: no answer within ${timeoutMs / 1_000} s`);
    return deadline(timeoutMs, late, signal);
  };
  return {
    async json(request, signal) {
      const end = endOf(request, signal);
      const until = { signal: end.signal, endMs: Date.now() + timeoutMs };
      try {
        const text = await repeat(request, until, () =>
          exchange({ ...request, use: "calls" }, end.signal, ({ body }) => readText(body)),
        );
        return parseAnswer(text, request);
      } finally {
        end.dispose();
      }
    },
    async open(request, signal) {
      // Disposed of by the body, which outlives this function: until then the parent can end it.
      const end = endOf(request, signal);
      const until = { signal: end.signal, endMs: Date.now() + timeoutMs };
      try {
        return await repeat(request, until, () =>
          exchange(
            { ...request, use: "streams" },
            end.signal,
            async ({ statusCode, headers, body }) => ({
              status: statusCode,
              headers,
              body: translated(body, end, config.server),
            }),
          ),
        );
      } catch (err) {
        end.dispose();
        throw err;
      } finally {
        end.stop();
      }
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}
