/** audit.k8s.io/v1 Event, as readers of a log look at it. */
export type AuditEvent = {
  readonly auditID?: string;
  readonly stage?: string;
  readonly verb?: string;
  readonly requestURI?: string;
  readonly user?: AuditUser;
  readonly impersonatedUser?: AuditUser;
  readonly sourceIPs?: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly reason?: string };
  readonly requestReceivedTimestamp?: string;
  readonly stageTimestamp?: string;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** Who an event is of. */
export type AuditUser = { readonly username?: string; readonly groups?: readonly string[] };

/** Annotation by which Kubernetes says what authorization came to: `allow` or `forbid`. */
export const decisionName = "authorization.k8s.io/decision";
/** Annotation by which Kubernetes says why. */
export const reasonName = "authorization.k8s.io/reason";

/** A line as an event; `undefined` when it is none, such as one that a crash tore. */
export function eventIn(line: string): AuditEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const given = typeof value === "object" && value !== null && !Array.isArray(value);
    return given ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What an event is about in one word: `pods/exec`, `applications.lighthouse.dev`, or the path. */
export function subjectOf({ objectRef, requestURI = "" }: AuditEvent): string {
  if (objectRef === undefined) return requestURI.split("?", 1)[0] ?? "";
  const { resource = "", subresource, apiGroup } = objectRef;
  const whole = apiGroup === undefined ? resource : `${resource}.${apiGroup}`;
  return subresource === undefined ? whole : `${whole}/${subresource}`;
}
