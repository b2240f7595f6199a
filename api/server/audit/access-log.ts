import { onAnswered } from "../answered.ts";
import { urlForLog } from "../docker/url-for-log.ts";
import type { App } from "../http.ts";

/** Logs each answered request at debug level: who asked what, what came of it, and how long it took. */
export function logRequests(app: App): void {
  onAnswered(app, (request, reply, elapsedMs) => {
    const { method, url, user, info, log } = request;
    log.debug(
      {
        auditId: reply.raw.getHeader("audit-id"),
        method,
        url: urlForLog(url),
        verb: info.verb,
        user: user.name,
        code: reply.raw.statusCode,
        ms: Math.round(elapsedMs * 10) / 10,
      },
      "answered request",
    );
  });
}
