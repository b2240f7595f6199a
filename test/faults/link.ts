import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { Cable } from "./stage.ts";

/** A connection between two parts that can be cut. */
export interface Link extends Cable, AsyncDisposable {
  /** Where the part that dials must dial, e.g. `http://127.0.0.1:41233`. */
  readonly url: string;
}

type Pair = { readonly client: Socket; readonly upstream: Socket };

class CuttableLink {
  readonly #port: () => number;
  readonly #pairs = new Set<Pair>();
  readonly #waiting = new Set<Socket>();
  #state: "whole" | "reset" | "silent" = "whole";

  constructor(port: () => number) {
    this.#port = port;
  }

  take(client: Socket): void {
    client.on("error", () => client.destroy());
    if (this.#state === "reset") client.destroy();
    else if (this.#state === "silent") this.#waiting.add(client.pause());
    else this.#join(client);
  }

  #join(client: Socket): void {
    const upstream = connect(this.#port(), "127.0.0.1");
    const pair = { client, upstream };
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on("data", (chunk) => to.write(chunk));
      from.on("end", () => to.end());
      from.on("error", end);
      from.on("close", end);
    }
  }

  cut(how: "reset" | "silent"): void {
    this.#state = how;
    for (const { client, upstream } of this.#pairs) {
      if (how === "reset") {
        client.destroy();
        upstream.destroy();
      } else {
        client.pause();
        upstream.pause();
      }
    }
    if (how === "silent") return;
    for (const client of this.#waiting) client.destroy();
    this.#waiting.clear();
  }

  mend(): void {
    this.#state = "whole";
    for (const { client, upstream } of this.#pairs) {
      client.resume();
      upstream.resume();
    }
    for (const client of this.#waiting) this.#join(client.resume());
    this.#waiting.clear();
  }
}

/** Listens on a free port of 127.0.0.1 and passes everything on to `port()` there. */
export async function openLink(port: () => number): Promise<Link> {
  const link = new CuttableLink(port);
  const server = createServer((client) => link.take(client)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port was given");
  return {
    url: `http://127.0.0.1:${address.port}`,
    cut: (how) => link.cut(how),
    mend: () => link.mend(),
    async [Symbol.asyncDispose]() {
      link.cut("reset");
      server.close();
      await once(server, "close");
    },
  };
}
