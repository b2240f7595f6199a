import { StatusError, type Reason, type StatusDetails } from "../../api/machinery/errors.ts";

/** What a call was about, for its error: "Cannot start container web: ...". */
export type Doing = {
  /** Action and object, e.g. `start container web`. */
  readonly action: string;
  readonly kind: "containers" | "images" | "volumes" | "networks" | "engines";
  readonly name: string;
};

/** How an engine refused: its HTTP status and its own words. */
export type Refusal = { readonly status: number; readonly message: string };

const reasonByStatus = new Map<number, Reason>([
  [400, "Invalid"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "NotFound"],
  [409, "Conflict"],
  [503, "ServiceUnavailable"],
]);

/** Engines answer 500 (or 404) for much that is not their fault; their words tell. */
const reasonByWords: readonly (readonly [RegExp, Reason])[] = [
  [/is already in use by container|name .* is already in use/i, "AlreadyExists"],
  [/network with name .* already exists/i, "AlreadyExists"],
  [/port is already allocated|address already in use/i, "Conflict"],
  // Docker calls both forbidden.
  [/pool overlaps with other one|networks have overlapping|has active endpoints/i, "Conflict"],
  // Before what follows: a registry that asks for patience may mention a login.
  [/toomanyrequests|too many requests/i, "TooManyRequests"],
  [
    /unauthorized|authentication required|no basic auth credentials|access denied|access to the resource is denied/i,
    "Unauthorized",
  ],
  [
    /manifest (for .* )?(unknown|not found)|repository .* not (found|known)|name unknown|no matching manifest for/i,
    "NotFound",
  ],
  [
    /invalid reference format|cannot be used on this platform|unsupported (manifest|media)|invalid checksum digest/i,
    "Invalid",
  ],
  [
    /i\/o timeout|no such host|connection refused|TLS handshake|Client\.Timeout|temporary failure in name resolution|network is unreachable/i,
    "ServiceUnavailable",
  ],
  [/executable file not found|exec format error|no such file or directory: unknown/i, "Invalid"],
];

/** Go's TLS servers answer plain text with a 400 in plain text. */
const wantsTls = /HTTP request to an HTTPS server/i;

const detailsOf = ({ kind, name }: Doing): StatusDetails => ({ kind, name });

/** The reason that fits an engine's refusal. */
function refusalReason({ status, message }: Refusal): Reason {
  const words = reasonByWords.find(([pattern]) => pattern.test(message));
  // "No such container" stays NotFound whatever else it says.
  if (status === 404 && /^No such (container|image|exec)/i.test(message)) return "NotFound";
  return words?.[1] ?? reasonByStatus.get(status) ?? "InternalError";
}

/** An answer of 400 or more as the error that callers see; the engine's words stay. */
export function refused(doing: Doing, refusal: Refusal): StatusError {
  if (wantsTls.test(refusal.message))
    return new StatusError(
      "ServiceUnavailable",
      `Cannot ${doing.action}: the engine wants TLS; set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH`,
      { details: detailsOf(doing) },
    );
  const words = refusal.message.trim().replace(/\.$/, "");
  const said = words === "" ? `the engine answered ${refusal.status}` : words;
  return new StatusError(refusalReason(refusal), `Cannot ${doing.action}: ${said}`, {
    details: detailsOf(doing),
  });
}

const wayOut: Readonly<Record<string, string>> = {
  ENOENT: "no such socket; start Docker there, or name another engine with --docker or DOCKER_HOST",
  ECONNREFUSED: "connection refused; start Docker there, or check the address",
  ENOTSOCK: "it is not a socket; name the engine's socket",
  ENOTFOUND: "the host name does not resolve; check the address",
  EAI_AGAIN: "the host name does not resolve now; check DNS",
  EHOSTUNREACH: "no route to the host; check the network",
  ENETUNREACH: "the network is unreachable; check the network",
  ETIMEDOUT: "the host does not answer; check address and firewall",
  ECONNRESET: "the connection was cut; the engine may be restarting",
  EPIPE: "the connection was cut; the engine may be restarting",
  ERR_STREAM_PREMATURE_CLOSE: "the connection was cut; the engine may be restarting",
  HPE_INVALID_CONSTANT: "it does not speak HTTP; an engine with TLS needs DOCKER_CERT_PATH",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS; drop DOCKER_CERT_PATH for a plain engine",
  EPROTO: "TLS failed; check the certificates in DOCKER_CERT_PATH",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is not from the CA in ca.pem",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is not from the CA in ca.pem",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is not from the CA in ca.pem",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is not from the CA in ca.pem",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host name",
  CERT_HAS_EXPIRED: "its certificate has expired",
};

const denied = new Set(["EACCES", "EPERM"]);

/** The code of a system or TLS error, also of one wrapped as cause or in an AggregateError. */
function codeOf(err: unknown): string {
  if (err instanceof AggregateError) return codeOf(err.errors[0]);
  if (!(err instanceof Error)) return "";
  if ("code" in err && typeof err.code === "string") return err.code;
  return codeOf(err.cause);
}

/** No answer at all: names the endpoint and the way out. */
export function unreachable(endpoint: string, doing: Doing, cause: unknown): StatusError {
  const code = codeOf(cause);
  const options = { cause, details: { kind: "engines", name: endpoint } };
  if (denied.has(code))
    return new StatusError(
      "Forbidden",
      `Cannot open Docker engine at ${endpoint}: permission denied; run as root or join the socket's ` +
        'group ("sudo usermod -aG docker $USER", then log in again)',
      options,
    );
  const words = cause instanceof Error ? cause.message : String(cause);
  const known = wayOut[code] ?? (words === "" ? code : words);
  // A TLS port hangs up on plain text without a word.
  const mayWantTls = code === "ECONNRESET" && endpoint.startsWith("tcp:");
  const why = mayWantTls ? `${known}, or want TLS (DOCKER_TLS_VERIFY, DOCKER_CERT_PATH)` : known;
  const where = `Docker engine at ${endpoint}`;
  const message =
    doing.kind === "engines"
      ? `Cannot reach ${where}: ${why}`
      : `Cannot ${doing.action}: ${where} does not answer: ${why}`;
  return new StatusError("ServiceUnavailable", message, options);
}

/** The deadline passed; what became of the call is unknown. */
export function overdue(endpoint: string, doing: Doing, deadlineMs: number): StatusError {
  return new StatusError(
    "Timeout",
    `Cannot ${doing.action}: Docker engine at ${endpoint} did not finish within ${deadlineMs / 1000} s`,
    { details: detailsOf(doing) },
  );
}

/** Whether the failure means that the engine itself is away, so that a retry elsewhere is pointless. */
export function isEngineAway(err: unknown): boolean {
  return err instanceof StatusError && err.details?.kind === "engines";
}

const refusable: ReadonlySet<string> = new Set(["containers", "images", "volumes", "networks"]);

/** Whether the engine itself answers, but did not do in time, or refused, what it was asked of one object. */
export function isEngineRefusal(err: unknown): boolean {
  const kind = err instanceof StatusError ? err.details?.kind : undefined;
  return kind !== undefined && refusable.has(kind);
}

const hopeless: ReadonlySet<Reason> = new Set<Reason>([
  "NotFound",
  "Unauthorized",
  "Forbidden",
  "Invalid",
]);

/**
 * Whether pulling the same image again cannot help unless somebody does something: it is unknown to
 * its registry, denied, for no such processor, or no image's name at all. What a registry that is
 * slow, away or busy says, and a full disk, are no such failures.
 */
export function isImageUnknown(err: unknown): boolean {
  return err instanceof StatusError && hopeless.has(err.reason) && err.details?.kind === "images";
}
