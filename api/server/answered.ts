import type { App, Reply, Request } from "./http.ts";

type Listener = (request: Request, reply: Reply, elapsedMs: number) => void;

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
    const end = (): void => {
      if (ended) return;
      ended = true;
      for (const listen of listeners) listen(request, reply, performance.now() - begun);
    };
    reply.raw.once("finish", end).once("close", end);
    done();
  });
}
