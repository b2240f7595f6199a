import type { Request } from "../http.ts";

/** Of the chain itself: with such a name, the annotation of a policy would pass for a checkpoint. */
const chainsOwn = "audit.lighthouse.dev/";

/** Puts something on the audit event of a request; never a secret. Names are e.g. `lighthouse.dev/command`. */
export function annotate(request: Request, name: string, value: string): void {
  if (name.startsWith(chainsOwn)) return;
  (request.auditAnnotations ??= new Map()).set(name, value);
}
