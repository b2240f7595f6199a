import { randomUUID } from "node:crypto";
import { exemptUid } from "./fairness/levels.ts";
import type { App } from "./http.ts";

/** A client's own id is kept if it is one: it goes into our log and back into a header. */
function auditId(given: string | string[] | undefined): string {
  return typeof given === "string" && /^[0-9A-Za-z-]{1,64}$/.test(given) ? given : randomUUID();
}

/**
 * What every answer says to browsers, whatever it is: never over plain HTTP again, never taken for
 * another type than it says, never a page of ours in a frame, and nothing that a script could load.
 * Pages say more themselves. HSTS counts only where the certificate is trusted (RFC 6797, 8.1), and
 * leaves out subdomains, which are somebody else's.
 */
const forBrowsers = {
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
} as const;

const browserHeaders = Object.entries(forBrowsers);

/**
 * Sets the headers that every answer has: an id under which the request is logged, what browsers are to
 * know, and that answers must not be cached. On the raw response, so that watches and refusals have them too.
 */
export function addResponseHeaders(app: App): void {
  app.addHook("onRequest", ({ headers }, { raw }, done) => {
    raw.setHeader("audit-id", auditId(headers["audit-id"]));
    raw.setHeader("cache-control", "no-cache, private");
    for (const [name, value] of browserHeaders) raw.setHeader(name, value);
    // Clients stop throttling themselves when they see these; whoever is known gets those of its level.
    raw.setHeader("x-kubernetes-pf-flowschema-uid", exemptUid);
    raw.setHeader("x-kubernetes-pf-prioritylevel-uid", exemptUid);
    done();
  });
}
