import type { ServerHttp2Stream } from "node:http2";
import type { Request } from "../http.ts";
import { mediaTypeOf } from "../objects/codec.ts";

/** Larger bodies are left out: the log must not grow faster than the store. */
const maxBodyBytes = 128 * 1_024;

/** A body as JSON; `undefined` for other media types, and for what is too large or a stream. */
export function jsonOf(contentType: string | undefined, body: unknown): unknown {
  if (typeof body !== "string" && !Buffer.isBuffer(body)) return undefined;
  if (body.length === 0 || body.length > maxBodyBytes) return undefined;
  if (!mediaTypeOf(contentType).includes("json")) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined; // refused anyway: the answer says why
  }
}

const schemes = new Set(["bearer", "basic", "digest", "negotiate"]);

/** What credentials a request brought that nobody knows, never their values; Kubernetes' words. */
export function triedToBe({ headers, raw }: Pick<Request, "headers" | "raw">): string {
  const [scheme = ""] = (headers.authorization ?? "").toLowerCase().split(" ", 1);
  const tried = [
    ...(scheme === "" ? [] : [schemes.has(scheme) ? scheme : "other"]),
    ...(headers.cookie === undefined ? [] : ["cookie"]),
    ...certificateTried(raw),
  ];
  return tried.length === 0
    ? "Authentication failed, no credentials"
    : `Authentication failed, attempted: ${tried.join(", ")}`;
}

/** Verified certificates of people whom nobody knows any more, and those of other authorities. */
function certificateTried(raw: Request["raw"]): readonly string[] {
  const { stream } = raw as { readonly stream?: ServerHttp2Stream };
  const { authorized, authorizationError } = (stream?.session?.socket ?? raw.socket ?? {}) as Tls;
  if (authorized === true) return ["x509"];
  if (typeof authorizationError !== "string" || authorizationError === noCertificate) return [];
  return [`x509 (${authorizationError})`];
}

// Typed as an error, it is the code of one, e.g. DEPTH_ZERO_SELF_SIGNED_CERT.
type Tls = { readonly authorized?: boolean; readonly authorizationError?: unknown };

/** What Node.js says of a client that brought none. */
const noCertificate = "UNABLE_TO_GET_ISSUER_CERT";
