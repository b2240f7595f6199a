/** Why a request failed, sent as `Status.reason`. One table: server, client and tunnel agree. */
export const httpCode = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;

/** The closed set of reasons. */
export type Reason = keyof typeof httpCode;

/** One wrong field. `reason` is a Kubernetes cause type such as `FieldValueInvalid`. */
export type StatusCause = {
  readonly reason: string;
  readonly message: string;
  /** Dotted path with indexes, e.g. `spec.template.spec.containers[0].image`. */
  readonly field?: string;
};

/** What an error is about, for programs; the message is for people. */
export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  /** Resource plural in NotFound and Conflict, Kind in Invalid: as Kubernetes does. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
};

type Options = ErrorOptions & { readonly details?: StatusDetails };

/** The only error that may cross a process boundary. Build it with the functions below. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly reason: Reason;
  readonly details: StatusDetails | undefined;
  constructor(reason: Reason, message: string, options?: Options) {
    super(message, options);
    this.reason = reason;
    this.details = options?.details;
  }
}

/** Which resource an error is about: the plural and its group, as in `applications.lighthouse.dev`. */
export type About = { readonly group: string; readonly plural: string };

const resourceName = ({ group, plural }: About): string =>
  group === "" ? plural : `${plural}.${group}`;

const about = (what: About, name: string): string => `${resourceName(what)} "${name}"`;

const detailsOf = ({ group, plural }: About, name: string): StatusDetails =>
  group === "" ? { name, kind: plural } : { name, group, kind: plural };

/** No such object. On reads inside the product absence is `undefined`; this is for the wire. */
export function notFound(what: About, name: string): StatusError {
  return new StatusError("NotFound", `${about(what, name)} not found`, {
    details: detailsOf(what, name),
  });
}

/**
 * A path, kind or subresource that nobody serves. Its details are there and name nothing: by that
 * `kubectl debug` tells it from an object that is not there, and without them it crashes.
 */
export function noSuchResource(): StatusError {
  const message = "the server could not find the requested resource";
  return new StatusError("NotFound", message, { details: {} });
}

/** Creation met an object of that name. */
export function alreadyExists(what: About, name: string): StatusError {
  return new StatusError("AlreadyExists", `${about(what, name)} already exists`, {
    details: detailsOf(what, name),
  });
}

/** Every name that was made for an object is taken: trying again may find one that is not. */
export function noFreeName(what: About, name: string): StatusError {
  const why = "the server was not able to generate a unique name for the object";
  return new StatusError("AlreadyExists", `${about(what, name)} already exists, ${why}`, {
    details: { ...detailsOf(what, name), retryAfterSeconds: 1 },
  });
}

/** The caller wrote over an old state: read again, plan again, retry. `why` ends the sentence. */
export function conflict(
  what: About,
  name: string,
  why = "the object has been modified; please apply your changes to the latest version and try again",
): StatusError {
  return new StatusError(
    "Conflict",
    `Operation cannot be fulfilled on ${about(what, name)}: ${why}`,
    { details: detailsOf(what, name) },
  );
}

/** A lost compare-and-set in the store: the layer above knows the object and says so. */
export function revisionConflict(key: string, have: number, want: number): StatusError {
  const shown = (revision: number): string => (revision === 0 ? "absent" : `at ${revision}`);
  return new StatusError(
    "Conflict",
    `Cannot write ${key}: it is ${shown(have)}, expected ${shown(want)}`,
  );
}

/** A guarded write was refused: what had to be unchanged is not. */
export function guardConflict(key: string, guard: string, at: number): StatusError {
  return new StatusError("Conflict", `Cannot write ${key}: ${guard} is no longer at ${at}`);
}

const leadershipLostCause = "LeadershipLost";

/** Somebody else leads by now, so that what a former leader writes must not count. */
export function leadershipLost(message: string): StatusError {
  const causes = [{ reason: leadershipLostCause, message }];
  return new StatusError("Forbidden", message, { details: { causes } });
}

/** Whether a write was refused because its writer leads no longer; see {@link leadershipLost}. */
export function isLeadershipLost(err: unknown): boolean {
  if (!(err instanceof Error && "details" in err)) return false;
  const { causes = [] } = (err.details ?? {}) as StatusDetails;
  return causes.some(({ reason }) => reason === leadershipLostCause);
}

/** So many breaches are told of: who broke a rule ten thousand times knows by then. */
const maxCauses = 1_000;

/** The first ones, and how many more there are. */
function shownCauses(causes: readonly StatusCause[]): readonly StatusCause[] {
  if (causes.length <= maxCauses) return causes;
  const message = `and ${causes.length - maxCauses} more`;
  return [...causes.slice(0, maxCauses), { reason: "FieldValueInvalid", message }];
}

/**
 * Fields that break the schema or a rule; kubectl prints one bullet per cause. Of more than 1,000
 * causes the rest are only counted.
 */
export function invalid(
  { group, kind }: { readonly group: string; readonly kind: string },
  name: string,
  allCauses: readonly StatusCause[],
): StatusError {
  const causes = shownCauses(allCauses);
  const lines = causes.map(({ field, message }) =>
    field === undefined || field === "" ? message : `${field}: ${message}`,
  );
  const list = lines.length === 1 ? lines.join("") : `[${lines.join(", ")}]`;
  const qualified = group === "" ? kind : `${kind}.${group}`;
  return new StatusError("Invalid", `${qualified} "${name}" is invalid: ${list}`, {
    details: { name, group, kind, causes },
  });
}

/** The request cannot be read: syntax, query or headers. */
export function badRequest(message: string, options?: ErrorOptions): StatusError {
  return new StatusError("BadRequest", message, options);
}

/** Nobody we know: credentials are missing or wrong. */
export function unauthorized(message = "Unauthorized"): StatusError {
  return new StatusError("Unauthorized", message);
}

/** The user is known and may not. Without a name it is about the collection. */
export function forbidden(what: About, name: string, why: string): StatusError {
  const which = name === "" ? resourceName(what) : about(what, name);
  return new StatusError("Forbidden", `${which} is forbidden: ${why}`, {
    details: detailsOf(what, name),
  });
}

/** The asked-for revision is no longer in the history: list again, then watch from the list. */
export function expired(message: string): StatusError {
  return new StatusError("Expired", message);
}

/** The path exists, this verb does not; `why` ends the sentence. */
export function methodNotAllowed(method: string, path: string, why = ""): StatusError {
  const reason = why === "" ? "" : `: ${why}`;
  return new StatusError(
    "MethodNotAllowed",
    `Method ${method} is not supported on ${path}${reason}`,
  );
}

/** None of the representations that the client accepts exist. */
export function notAcceptable(message: string): StatusError {
  return new StatusError("NotAcceptable", message);
}

/** A body in a format that this endpoint does not read. */
export function unsupportedMediaType(have: string, want: readonly string[]): StatusError {
  return new StatusError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - "${have}" is not one of: ${want.join(", ")}`,
  );
}

/** A body beyond the limit. `limitBytes` is an integer. */
export function tooLarge(limitBytes: number): StatusError {
  return new StatusError(
    "RequestEntityTooLarge",
    `Request entity too large: limit is ${limitBytes} bytes`,
  );
}

/** Come back later. `retryAfterSeconds` is an integer, 1 or more. */
export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return new StatusError("TooManyRequests", message, { details: { retryAfterSeconds } });
}

/** A part we depend on does not answer: store, engine or network. Retrying may help. */
export function unavailable(message: string, options?: ErrorOptions): StatusError {
  return new StatusError("ServiceUnavailable", message, options);
}

/** The deadline passed; what the callee did is unknown. */
export function timedOut(message: string, options?: ErrorOptions): StatusError {
  return new StatusError("Timeout", message, options);
}

/** A bug or broken data of ours; the cause goes to the log, not to the client. */
export function internal(message: string, options?: ErrorOptions): StatusError {
  return new StatusError("InternalError", message, options);
}

/** The reason of any error that carries one. By field, not instanceof: it must survive the wire. */
export function reasonOf(err: unknown): Reason | undefined {
  if (!(err instanceof Error) || !("reason" in err)) return undefined;
  const { reason } = err;
  return typeof reason === "string" && Object.hasOwn(httpCode, reason)
    ? (reason as Reason)
    : undefined;
}

const is =
  (reason: Reason) =>
  (err: unknown): boolean =>
    reasonOf(err) === reason;

/** Predicates by reason: they recognise errors of this process and rebuilt ones alike. */
export const isBadRequest = is("BadRequest");
export const isNotFound = is("NotFound");
export const isAlreadyExists = is("AlreadyExists");
export const isConflict = is("Conflict");
export const isExpired = is("Expired");
export const isInvalid = is("Invalid");
export const isForbidden = is("Forbidden");
export const isUnauthorized = is("Unauthorized");
export const isTooManyRequests = is("TooManyRequests");
export const isUnavailable = is("ServiceUnavailable");
export const isTimeout = is("Timeout");
export const isTooLarge = is("RequestEntityTooLarge");

/** Whether a creation was refused because its namespace is about to go. */
export function isNamespaceTerminating(err: unknown): boolean {
  if (!isForbidden(err) || !(err instanceof Error) || !("details" in err)) return false;
  const { causes = [] } = (err.details ?? {}) as StatusDetails;
  return causes.some(({ reason }) => reason === "NamespaceTerminating");
}
