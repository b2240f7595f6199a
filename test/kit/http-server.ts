import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as it arrived, its body read. */
export type Received = {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
};

/** What the server does with one request. */
export type Answer = (request: Received, response: ServerResponse) => void | Promise<void>;

/** A plain HTTP server on a free port of 127.0.0.1, for tests of clients. */
export type HttpServer = AsyncDisposable & {
  readonly url: string;
  readonly received: readonly Received[];
  /** How many connections were opened so far. */
  readonly connections: number;
  /** Cuts every connection that is open now. */
  cut(): void;
};

/** Starts it; disposing of it cuts every connection. */
export async function httpServer(answer: Answer): Promise<HttpServer> {
  const received: Received[] = [];
  let connections = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { method = "", url = "", headers } = request;
    const one = { method, url: new URL(url, "http://test"), headers, body };
    received.push(one);
    await answer(one, response);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.destroy());
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    get connections() {
      return connections;
    },
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
