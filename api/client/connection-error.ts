import { reasonOf, type StatusError, unavailable } from "../machinery/errors.ts";

/** The code of an error or of the first of its causes that has one, e.g. `ECONNREFUSED`. */
export function codeOf(err: unknown): string | undefined {
  for (let cause = err; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string") return cause.code;
    // Happy eyeballs: several addresses failed, usually all for the same reason.
    if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  }
  return undefined;
}

const lost: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "UND_ERR_SOCKET",
  "UND_ERR_ABORTED",
  "ERR_HTTP2_GOAWAY_SESSION",
  "ERR_HTTP2_INVALID_SESSION",
  "ERR_HTTP2_STREAM_ERROR",
]);

/** The connection was there and broke: whether the server acted on the request is unknown. */
export function isConnectionLost(err: unknown): boolean {
  const code = codeOf(err);
  return code !== undefined && lost.has(code);
}

const foreignCa = "the certificate was not issued by the authority that this client trusts";
const foreignCaAdvice =
  "use the kubeconfig of that very server (a new data directory makes a new authority)";

const advice: Readonly<Record<string, readonly [what: string, wayOut: string]>> = {
  ECONNREFUSED: ["connection refused", "check that it runs and listens there"],
  ENOTFOUND: ["the host name does not resolve", "check the server's name in the kubeconfig"],
  EAI_AGAIN: ["the host name does not resolve now", "check the name server of this machine"],
  EHOSTUNREACH: ["no route to the host", "check the network and the server's address"],
  ENETUNREACH: ["the network is unreachable", "check the network of this machine"],
  UND_ERR_CONNECT_TIMEOUT: ["no answer to the connection", "check the address and any firewall"],
  ETIMEDOUT: ["no answer to the connection", "check the address and any firewall"],
  SELF_SIGNED_CERT_IN_CHAIN: [foreignCa, foreignCaAdvice],
  DEPTH_ZERO_SELF_SIGNED_CERT: [foreignCa, foreignCaAdvice],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [foreignCa, foreignCaAdvice],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [foreignCa, foreignCaAdvice],
  CERT_SIGNATURE_FAILURE: [foreignCa, foreignCaAdvice],
  CERT_HAS_EXPIRED: ["its certificate has expired", "renew the server's certificate"],
  CERT_NOT_YET_VALID: ["its certificate is not valid yet", "check the clocks of both machines"],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    "its certificate is for other names",
    "use one of them as the server, or set tls-server-name",
  ],
  ERR_SSL_WRONG_VERSION_NUMBER: ["it does not speak TLS", "check the port and use http or https"],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ["it does not speak TLS", "check the port and the scheme"],
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: [
    "it wants a client certificate",
    "use a kubeconfig whose user has one",
  ],
  EPROTO: ["the TLS handshake failed", "check the port and the scheme"],
};

/**
 * The failure of a call that got no (whole) answer, as `ServiceUnavailable` with the server's URL
 * and the way out. Errors that carry a reason already pass unchanged.
 */
export function fromConnectionError(err: unknown, server: string): StatusError | Error {
  if (err instanceof Error && reasonOf(err) !== undefined) return err;
  const code = codeOf(err);
  const known = code === undefined ? undefined : advice[code];
  const base = `Cannot reach the API server at ${server}`;
  if (known !== undefined) {
    return unavailable(`${base}: ${known[0]}; ${known[1]}`, { cause: err });
  }
  const detail = err instanceof Error && err.message !== "" ? err.message : String(code ?? err);
  const broke = isConnectionLost(err) || detail === "terminated";
  return unavailable(
    broke ? `Lost the connection to the API server at ${server}: ${detail}` : `${base}: ${detail}`,
    { cause: err },
  );
}
