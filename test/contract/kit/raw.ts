import { request, type Agent } from "node:https";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { createClientAgent } from "./client-agent.ts";
import type { SiteAddress } from "./site.ts";

/** A parsed JSON answer; tests say what they expect of it. */
export type Json = { readonly [field: string]: unknown };

/** What came back. `body` is empty if it was no JSON object. */
export type RawAnswer = {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Json;
};

/**
 * How a request differs from the plainest one. A body that is neither text nor bytes is sent as
 * JSON; an empty header is not sent.
 */
export type RawOptions = {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A line of a watch. */
export type RawFrame = { readonly type: string; readonly object: Json };

/** A response that is still coming. */
export interface RawStream extends Disposable {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  /** The next line of it, `undefined` after its end. @throws Error after 10 s without one */
  next(): Promise<RawFrame | undefined>;
}

/** HTTP/1.1 with the administrator's certificate, for what no client sends. */
export interface RawClient extends AsyncDisposable {
  send(method: string, path: string, options?: RawOptions): Promise<RawAnswer>;
  stream(path: string, options?: RawOptions): Promise<RawStream>;
}

const encoded = (body: unknown): Buffer | undefined => {
  if (body === undefined) return undefined;
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
};

type Opening = RawOptions & {
  readonly agent: Agent;
  readonly url: string;
  readonly method: string;
};

function open({ agent, url, method, body, headers }: Opening): Promise<IncomingMessage> {
  const bytes = encoded(body);
  const type = bytes === undefined ? {} : { "content-type": "application/json" };
  const length = bytes === undefined ? {} : { "content-length": String(bytes.length) };
  const all = Object.entries({ ...type, ...length, ...headers }).filter(
    ([, value]) => value !== "",
  );
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, method, headers: Object.fromEntries(all) });
    outgoing.setTimeout(30_000, () => outgoing.destroy(new Error(`No answer to ${method} ${url}`)));
    outgoing.on("response", resolve);
    outgoing.on("error", reject);
    outgoing.end(bytes);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function jsonOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {}; // a log, or what a pitfall looks like: the test looks at the text
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const chunk of response) {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((line) => line !== "");
  }
}

function late(what: string): { readonly promise: Promise<never>; stop(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Nothing came of ${what} for 10 s`)), 10_000);
  return { promise, stop: () => clearTimeout(timer) };
}

/** Connects on first use. */
export async function openRaw(site: SiteAddress): Promise<RawClient> {
  const agent = await createClientAgent(site.kubeconfig);
  return {
    async send(method, path, options = {}) {
      const response = await open({ agent, url: site.url + path, method, ...options });
      const text = await textOf(response);
      return {
        code: response.statusCode ?? 0,
        headers: response.headers,
        text,
        body: jsonOf(text),
      };
    },
    async stream(path, options = {}) {
      const response = await open({ agent, url: site.url + path, method: "GET", ...options });
      response.on("error", () => undefined); // cut by the test itself
      const lines = linesOf(response);
      return {
        code: response.statusCode ?? 0,
        headers: response.headers,
        async next() {
          const limit = late(path);
          try {
            const { value, done } = await Promise.race([lines.next(), limit.promise]);
            return done === true ? undefined : (JSON.parse(value) as RawFrame);
          } finally {
            limit.stop();
          }
        },
        [Symbol.dispose]: () => void response.destroy(),
      };
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
    },
  };
}
