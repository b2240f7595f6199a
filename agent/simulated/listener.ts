import { rm } from "node:fs/promises";
import type { Server } from "node:http";
import type { Duplex } from "node:stream";

/** A server on a unix socket that can be stopped and started again. */
export type Listener = {
  /** Listens, in place of a socket that was left over. @throws Error when it cannot */
  readonly start: () => Promise<void>;
  /** Cuts all connections and removes the socket. */
  readonly stop: () => Promise<void>;
};

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Nothing listens yet. `make` gives a new server for each start. */
export function createListener(socketPath: string, make: () => Server): Listener {
  const sockets = new Set<Duplex>();
  let server: Server | undefined;
  return {
    start: async () => {
      await rm(socketPath, { force: true });
      const next = make();
      next.on("connection", (socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
      });
      await listen(next, socketPath);
      server = next;
    },
    stop: async () => {
      const ending = server;
      server = undefined;
      if (ending === undefined) return;
      const closed = new Promise<void>((resolve) => ending.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await rm(socketPath, { force: true });
    },
  };
}
