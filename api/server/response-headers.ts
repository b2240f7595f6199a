import { randomUUID } from "node:crypto";
import { exemptUid } from "./fairness/levels.ts";
import type { App } from "./http.ts";

/** A client's own id is kept if it is one: it goes into our log and back into a header. */
function auditId(given: string | string[] | undefined): string {
  return typeof given === "string" && /^[0-9A-Za-z-]{1,64}$/.test(given) ? given : randomUUID();
}

/**
 * Sets the headers that every answer has: an id under which the request is logged, and that
 * answers must not be cached. On the raw response, so that watches and refusals have them too.
 */
export function addResponseHeaders(app: App): void {
  app.addHook("onRequest", ({ headers }, { raw }, done) => {
    raw.setHeader("audit-id", auditId(headers["audit-id"]));
    raw.setHeader("cache-control", "no-cache, private");
    // Clients stop throttling themselves when they see these; whoever is known gets those of its level.
    raw.setHeader("x-kubernetes-pf-flowschema-uid", exemptUid);
    raw.setHeader("x-kubernetes-pf-prioritylevel-uid", exemptUid);
    done();
  });
}
