import { StatusError } from "../../api/machinery/errors.ts";
import { nodeReason } from "../../crds/conditions.ts";

/** Words of engines that refuse the version which they announced themselves. */
const versionRefused =
  /client (version|API version) \S+ is too (new|old)|client is newer than server/i;

/** Codes of answers that are no HTTP: Node's parser and TLS. */
const garbled = /^(HPE_|ERR_SSL_WRONG_VERSION|ERR_HTTP2?_)/;

function codeOf(err: unknown): string {
  if (!(err instanceof Error)) return "";
  if ("code" in err && typeof err.code === "string") return err.code;
  return codeOf(err.cause);
}

function reasonOf(err: unknown): string {
  const marked = err instanceof StatusError ? err.details?.causes?.[0]?.reason : undefined;
  if (marked !== undefined) return marked;
  if (err instanceof StatusError && err.reason === "Timeout") return nodeReason.engineHangs;
  if (err instanceof Error && versionRefused.test(err.message)) return nodeReason.engineVersion;
  return garbled.test(codeOf(err)) ? nodeReason.notAnEngine : nodeReason.engineUnreachable;
}

/** What an error of an engine that shall be run means for its Node: one of `nodeReason`, and words. */
export function silenceOf(err: unknown): { readonly reason: string; readonly message: string } {
  return { reason: reasonOf(err), message: err instanceof Error ? err.message : String(err) };
}

/** An answer that no Docker engine gives, or one of a version that we cannot speak. */
export function strange(
  url: string,
  reason: typeof nodeReason.notAnEngine | typeof nodeReason.engineVersion,
  message: string,
  cause?: unknown,
): StatusError {
  return new StatusError("ServiceUnavailable", message, {
    cause,
    details: { kind: "engines", name: url, causes: [{ reason, message }] },
  });
}
