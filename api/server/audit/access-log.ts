import type { App } from "../http.ts";

/** Logs each answered request at debug level: who asked what, what came of it, and how long it took. */
export function logRequests(app: App): void {
  app.addHook("onResponse", async (request, reply) => {
    const { method, url, user, info, log } = request;
    log.debug(
      {
        auditId: reply.raw.getHeader("audit-id"),
        method,
        url,
        verb: info.verb,
        user: user.name,
        code: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
      },
      "answered request",
    );
  });
}
