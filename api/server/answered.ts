import type { App, Reply, Request } from "./http.ts";

/**
 * Calls back once when an answer has ended, also when its client went away before: the
 * framework's own hook knows nothing of those.
 */
export function onAnswered(
  app: App,
  listener: (request: Request, reply: Reply, elapsedMs: number) => void,
): void {
  app.addHook("onRequest", async (request, reply) => {
    const begun = performance.now();
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      listener(request, reply, performance.now() - begun);
    };
    reply.raw.once("finish", end).once("close", end);
  });
}
