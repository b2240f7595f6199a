import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./api-error.ts";

/** One request of the Engine API. */
export type ApiCall = {
  /** Decoded pieces of the path where its pattern has a group. */
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The whole body; may be asked for again. */
  body(): Promise<Buffer>;
  /** The whole body as JSON. @throws ApiError 400 */
  json(): Promise<unknown>;
};

/** What a handler answers; `undefined` when it wrote the response itself. */
export type Reply = { readonly status: number; readonly body?: unknown };

/** Answers one kind of request. */
export type Handler = (call: ApiCall) => Promise<Reply | undefined>;

/** Method and path, below the version, and who answers. */
export type Route = {
  readonly method: string;
  readonly path: RegExp;
  readonly handler: Handler;
};

/** `:x` stands for one piece of the path, `*x` for any number of them. */
export function route(method: string, path: string, handler: Handler): Route {
  const pattern = path.replace(/:\w+/g, "([^/]+)").replace(/\*\w+/g, "(.+)");
  return { method, path: new RegExp(`^${pattern}$`), handler };
}

/** Reads a body to its end. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Whether a query value means yes, as Docker reads it. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name) ?? "";
  return !["", "0", "no", "false", "none"].includes(value.toLowerCase());
}

/** The `filters` of a query: name to wanted values. */
export function filtersOf(query: URLSearchParams): ReadonlyMap<string, readonly string[]> {
  const parsed = JSON.parse(query.get("filters") || "{}") as Readonly<Record<string, unknown>>;
  const lists = Object.entries(parsed).map(([name, value]) => {
    // Old clients send {"label": {"a=b": true}} instead of a list.
    const list = Array.isArray(value) ? value.map(String) : Object.keys(value as object);
    return [name, list] as const;
  });
  return new Map(lists);
}

/** Path without version and query, as routes and faults know it. */
export function barePath(url: string): string {
  return new URL(url, "http://engine").pathname.replace(/^\/v\d+\.\d+(?=\/)/, "");
}

/** Finds who answers. @throws ApiError 404 */
export function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { readonly handler: Handler; readonly params: readonly string[] } {
  for (const one of routes) {
    const match = one.method === method ? one.path.exec(path) : null;
    if (match !== null)
      return { handler: one.handler, params: match.slice(1).map(decodeURIComponent) };
  }
  throw new ApiError(404, "page not found");
}

/** The call that a handler gets. */
export function toCall(
  request: IncomingMessage,
  response: ServerResponse,
  params: readonly string[],
): ApiCall {
  let read: Promise<Buffer> | undefined;
  const body = (): Promise<Buffer> => (read ??= readBody(request));
  return {
    params,
    query: new URL(request.url ?? "/", "http://engine").searchParams,
    request,
    response,
    body,
    json: async () => {
      const text = (await body()).toString("utf8");
      if (text === "") return {};
      try {
        // Go clients send null for what they leave out.
        return JSON.parse(text, (_key, value: unknown) => value ?? undefined) as unknown;
      } catch {
        throw new ApiError(400, "invalid JSON in the body of the request");
      }
    },
  };
}
