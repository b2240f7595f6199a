import type { Socket } from "node:net";
import { onAnswered } from "./answered.ts";
import type { App } from "./http.ts";

/** How many connections may be open, integers: a stranger can hold no more than this. */
export type ConnectionLimits = { readonly total: number; readonly perSource: number };

/** For the product: agents come from many addresses, or through one gateway. */
export const connectionLimits: ConnectionLimits = { total: 10_000, perSource: 4_000 };

/** Refuses connections beyond the limits, before anything is read of them. */
export function limitConnections(
  server: App["server"],
  { total, perSource }: ConnectionLimits = connectionLimits,
): void {
  const counts = new Map<string, number>();
  server.maxConnections = total;
  server.on("connection", (socket: Socket) => {
    const source = socket.remoteAddress ?? "";
    const count = (counts.get(source) ?? 0) + 1;
    counts.set(source, count);
    socket.once("close", () => {
      const left = (counts.get(source) ?? 1) - 1;
      if (left > 0) counts.set(source, left);
      else counts.delete(source);
    });
    if (count > perSource) socket.destroy();
  });
}

/** How an app ends. */
export type Drain = {
  /** Called first: open watches and streams must end. */
  readonly stop: () => void;
  /** Requests that are being answered get so long, in milliseconds. */
  readonly graceMs: number;
};

type Session = { close(): void; destroy(): void } & NodeJS.EventEmitter;

/**
 * When the app closes: ends watches, tells HTTP/2 clients to go elsewhere, lets what is being
 * answered end, and then cuts what is left. Idle sessions, and connections that never asked for
 * anything, would keep `close` waiting for ever.
 */
export function drainOnClose(app: App, { stop, graceMs }: Drain): void {
  const sockets = new Set<Socket>();
  const sessions = new Set<Session>();
  let answering = 0;
  app.server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  app.server.on("session", (session: Session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  app.addHook("onRequest", (_request, _reply, done) => {
    answering += 1;
    done();
  });
  let idle = (): void => {};
  onAnswered(app, () => {
    answering -= 1;
    if (answering === 0) idle();
  });
  const cut = (): void => {
    for (const session of sessions) session.destroy();
    // Not by the server's own closeAllConnections: those with HTTP/2 have none.
    for (const socket of sockets) socket.destroy();
  };
  app.addHook("preClose", async () => {
    stop();
    for (const session of sessions) session.close(); // streams that have begun may end
    // The last bytes of an answer are on their way when it has ended.
    idle = () => void setTimeout(cut, 100).unref();
    if (answering === 0) idle();
    setTimeout(cut, graceMs).unref();
  });
}
