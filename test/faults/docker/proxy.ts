import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import {
  createFaults,
  type Faults,
  type Injected,
  type Mishap,
  type Operation,
  type OperationFault,
  type OperationName,
} from "../../../agent/simulated/faults.ts";
import { barePath } from "../../../agent/simulated/router.ts";

/** Stands between an agent and its engine, and makes single operations go wrong. */
export interface FaultyProxy extends AsyncDisposable {
  readonly requests: readonly string[];
  fail(fault: OperationFault): Injected;
}

/** Where it listens, whom it asks, and whose containers are whose. */
export type ProxyOptions = {
  readonly socket: string;
  readonly engine: string;
  labelsOf(id: string): Readonly<Record<string, string>>;
};

const patterns: readonly (readonly [RegExp, OperationName])[] = [
  [/^POST \/containers\/create$/, "create"],
  [/^POST \/containers\/([^/]+)\/start$/, "start"],
  [/^POST \/containers\/([^/]+)\/stop$/, "stop"],
  [/^DELETE \/containers\/([^/]+)$/, "remove"],
];

type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: IncomingMessage;
};

async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

class Proxy {
  readonly requests: string[] = [];
  readonly #options: ProxyOptions;
  readonly #faults: Faults = createFaults();

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  fail(fault: OperationFault): Injected {
    return this.#faults.fail(fault);
  }

  #operationOf(request: string, body: Buffer): Operation | undefined {
    for (const [pattern, name] of patterns) {
      const match = pattern.exec(request);
      if (match === null) continue;
      if (name !== "create")
        return { name, labels: this.#options.labelsOf(match[1] ?? ""), image: "" };
      const { Labels, Image } = JSON.parse(body.toString("utf8")) as {
        readonly Labels?: Readonly<Record<string, string>>;
        readonly Image: string;
      };
      return { name, labels: Labels ?? {}, image: Image };
    }
    return undefined;
  }

  #ask(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const { method, url, headers } = request;
    return new Promise((resolve, reject) => {
      const asked = httpRequest(
        { socketPath: this.#options.engine, method, path: url, headers },
        (answer) =>
          resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: answer }),
      );
      asked.on("error", reject);
      asked.end(body);
    });
  }

  async #pass(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    const answer = await this.#ask(request, body);
    response.writeHead(answer.status, answer.headers);
    response.flushHeaders();
    answer.body.on("error", () => response.destroy());
    response.on("close", () => answer.body.destroy());
    answer.body.pipe(response);
  }

  async #suffer(
    { fault, released, strike }: Mishap,
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): Promise<void> {
    const { how, when = "before", status = 500, message = "injected fault" } = fault;
    if (how === "error") {
      if (when === "after") await readAll((await this.#ask(request, body)).body);
      strike();
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ message }));
      return;
    }
    if (when === "before") {
      strike();
      await released;
      return this.#pass(request, response, body);
    }
    const answer = await this.#ask(request, body);
    const text = await readAll(answer.body);
    strike();
    await released;
    response.writeHead(answer.status, answer.headers).end(text);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/" } = request;
    const name = `${method} ${barePath(url)}`;
    this.requests.push(name);
    try {
      const body = await readAll(request);
      const operation = this.#faults.armed() ? this.#operationOf(name, body) : undefined;
      const mishap = operation === undefined ? undefined : this.#faults.befall(operation);
      await (mishap === undefined
        ? this.#pass(request, response, body)
        : this.#suffer(mishap, request, response, body));
    } catch {
      response.destroy(); // the engine is away: so are we
    }
  }

  /** A connection that is taken over, for exec and attach: handed through as it is. */
  takeOver(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const upstream = connect(this.#options.engine);
    const { method, url, rawHeaders } = request;
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let at = 0; at < rawHeaders.length; at += 2)
      lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
    upstream.write(`${lines.join("\r\n")}\r\n\r\n`);
    upstream.write(head);
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
    socket.pipe(upstream).pipe(socket);
  }
}

/** Starts a proxy. */
export async function startProxy(options: ProxyOptions): Promise<FaultyProxy> {
  const proxy = new Proxy(options);
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    void proxy.handle(request, response); // never rejects
  });
  server.on("upgrade", (request, socket, head) => proxy.takeOver(request, socket, head));
  await new Promise<void>((resolve) => server.listen(options.socket, resolve));
  return {
    requests: proxy.requests,
    fail: (fault) => proxy.fail(fault),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
