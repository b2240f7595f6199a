import { type StatusError, unauthorized } from "../../machinery/errors.ts";

const prefix = "base64url.bearer.authorization.k8s.io.";

/** The subprotocols that a WebSocket client offers, in its order. */
export function offeredProtocols(header: string | undefined): readonly string[] {
  return (header ?? "")
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "");
}

/** A bearer token that came as a subprotocol, and the protocols beside it. */
export type TokenOffer = { readonly token?: string; readonly protocols: readonly string[] };

function decoded(text: string): string {
  const bytes = Buffer.from(text, "base64url");
  const token = bytes.toString("utf8");
  const exact = bytes.toString("base64url") === text && Buffer.from(token).equals(bytes);
  if (!exact || token === "") throw refused("it is not base64url of text");
  return token;
}

function refused(why: string): StatusError {
  return unauthorized(`Cannot use the bearer token among the WebSocket protocols: ${why}`);
}

/**
 * Browsers cannot set headers on a WebSocket: they send their token as one more subprotocol, without
 * padding. It is taken out before the protocol is negotiated, as Kubernetes does
 * (apiserver pkg/authentication/request/websocket).
 * @throws StatusError `Unauthorized` for two tokens, a broken one, or one without a real protocol
 */
export function takeToken(header: string | undefined): TokenOffer {
  const offered = offeredProtocols(header);
  const protocols = offered.filter((protocol) => !protocol.startsWith(prefix));
  const [found, second] = offered.filter((protocol) => protocol.startsWith(prefix));
  if (found === undefined) return { protocols };
  if (second !== undefined) throw refused("there are two");
  if (protocols.length === 0) throw refused("there is no other protocol to answer with");
  return { token: decoded(found.slice(prefix.length)), protocols };
}
