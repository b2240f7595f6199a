import type { App, Reply, Request } from "./http.ts";

/** `complete`: the whole answer was handed over; else its client went away, or it was cut. */
type Listener = (request: Request, reply: Reply, elapsedMs: number, complete: boolean) => void;

/** One hook per app, whoever listens: open watches are many, and each keeps what a hook made. */
const listenersOf = new WeakMap<App, Listener[]>();

/**
 * Calls back once when an answer has ended, also when its client went away before: the
 * framework's own hook knows nothing of those.
 */
export function onAnswered(app: App, listener: Listener): void {
  const known = listenersOf.get(app);
  if (known !== undefined) {
    known.push(listener);
    return;
  }
  const listeners = [listener];
  listenersOf.set(app, listeners);
  app.addHook("onRequest", (request, reply, done) => {
    const begun = performance.now();
    let ended = false;
    const end = (complete: boolean): void => {
      if (ended) return;
      ended = true;
      for (const listen of listeners) listen(request, reply, performance.now() - begun, complete);
    };
    reply.raw.once("finish", () => end(true)).once("close", () => end(false));
    done();
  });
}
