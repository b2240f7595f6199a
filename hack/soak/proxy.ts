import { connect, createServer, type Socket } from "node:net";

/** How what passes a {@link LeakyProxy} is treated. */
export type Weather = {
  /** Added to each direction, milliseconds. */
  readonly delayMs: number;
  /** Nothing passes and nothing is closed, as behind a firewall that forgot the connection. */
  readonly frozen: boolean;
};

/** A TCP proxy on the way to the API server, which can hold back what passes it. */
export type LeakyProxy = AsyncDisposable & {
  readonly port: number;
  /** From now on, and for what is under way. */
  set(weather: Partial<Weather>): void;
};

/** Chunks under way in one direction before the sender is held back. */
const maxQueued = 256;
const fair: Weather = { delayMs: 0, frozen: false };

/** Bytes on their way in one direction, in order. Returns what moves them on when the weather has changed. */
function lane(from: Socket, to: Socket, weather: () => Weather): () => void {
  const queue: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let full = false;
  const drained = (): void => {
    full = false;
    advance();
  };
  const advance = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (weather().frozen || full) return;
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      const early = first.dueMs - performance.now();
      if (early > 0) {
        timer = setTimeout(advance, early);
        return;
      }
      queue.shift();
      if (to.destroyed || to.write(first.chunk)) continue;
      full = true;
      from.pause();
      to.once("drain", drained);
      return;
    }
    if (from.readableEnded) to.end();
    else from.resume();
  };
  from.on("data", (chunk: Buffer) => {
    queue.push({ chunk, dueMs: performance.now() + weather().delayMs });
    if (queue.length > maxQueued || weather().frozen) from.pause();
    if (timer === undefined) advance();
  });
  from.once("end", () => {
    if (timer === undefined) advance();
  });
  from.on("error", () => undefined); // "close" follows
  from.once("close", () => {
    clearTimeout(timer);
    // Who forgot a connection passes on no end of it either.
    if (!from.readableEnded && !weather().frozen) to.destroy();
  });
  return advance;
}

type Pair = {
  readonly sockets: readonly [Socket, Socket];
  readonly lanes: readonly (() => void)[];
};

function join(near: Socket, far: Socket, weather: () => Weather): Pair {
  for (const socket of [near, far]) socket.setNoDelay(true);
  return { sockets: [near, far], lanes: [lane(near, far, weather), lane(far, near, weather)] };
}

/** Listens on a free port of `host` and passes everything to `target`. */
export async function startProxy(
  host: string,
  target: { readonly host: string; readonly port: number },
): Promise<LeakyProxy> {
  let weather = fair;
  const pairs = new Set<Pair>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const pair = join(near, connect({ ...target, allowHalfOpen: true }), () => weather);
    pairs.add(pair);
    for (const socket of pair.sockets)
      socket.once("close", () => {
        if (pair.sockets.every(({ destroyed }) => destroyed)) pairs.delete(pair);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    set(change) {
      weather = { ...weather, ...change };
      for (const { sockets, lanes } of pairs) {
        // One side went while nothing passed: the other learns it now.
        if (!weather.frozen && sockets.some(({ destroyed }) => destroyed))
          sockets.forEach((socket) => socket.destroy());
        else lanes.forEach((advance) => advance());
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { sockets } of pairs) sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
