import type { Request } from "../http.ts";

/** Puts something on the audit event of a request; never a secret. Names are e.g. `lighthouse.dev/command`. */
export function annotate(request: Request, name: string, value: string): void {
  (request.auditAnnotations ??= new Map()).set(name, value);
}
