import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy that breaks connections on purpose. */
export interface CuttingProxy extends AsyncDisposable {
  readonly host: string;
  /** How many connections were cut so far. */
  readonly cuts: number;
  /** Cuts the next connection that the server answers on, before the answer gets through. */
  loseNextAnswer(): void;
  /** Cuts a connection as soon as the server has sent so many bytes on it. */
  cutAfter(bytes: number): void;
}

/** Listens on a free port of 127.0.0.1 and passes everything on to `target` (`host:port`). */
export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const [host = "", port = ""] = target.split(":");
  const sockets = new Set<Socket>();
  let limit = Infinity;
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    let answered = 0;
    const drop = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", drop);
      socket.on("close", () => {
        sockets.delete(socket);
        drop();
      });
    }
    client.pipe(upstream);
    upstream.on("data", (chunk: Buffer) => {
      answered += chunk.length;
      if (answered <= limit) {
        client.write(chunk);
        return;
      }
      limit = Infinity;
      cuts += 1;
      drop();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port was given");
  return {
    host: `127.0.0.1:${address.port}`,
    get cuts() {
      return cuts;
    },
    loseNextAnswer() {
      limit = 0;
    },
    cutAfter(bytes) {
      limit = bytes;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
