import { formatTime } from "../../api/machinery/time.ts";
import { type Call, Misuse, type Run, text } from "../command.ts";
import { freshToken } from "../login/renew.ts";

const group = "client.authentication.k8s.io";

/** The version that kubectl asks for; it refuses an answer of another one. */
function versionOf({ io }: Call): string {
  try {
    const info: unknown = JSON.parse(io.env["KUBERNETES_EXEC_INFO"] ?? "{}");
    const { apiVersion } = info as { readonly apiVersion?: unknown };
    return apiVersion === `${group}/v1beta1` ? apiVersion : `${group}/v1`;
  } catch {
    return `${group}/v1`; // called by hand
  }
}

/**
 * `lighthouse credential`: what kubectl runs to get a token.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
export const runCredential: Run = async (call) => {
  const { flags, io, signal } = call;
  const path = text(flags, "login");
  if (path === undefined) throw new Misuse("Expected --login FILE");
  const server = text(flags, "server");
  const { token, expiresMs } = await freshToken({
    path,
    nowMs: () => io.clock.nowMs(),
    signal,
    ...(server === undefined ? {} : { server }),
  });
  const status = { expirationTimestamp: formatTime(expiresMs), token };
  const answer = { apiVersion: versionOf(call), kind: "ExecCredential", status };
  io.out(`${JSON.stringify(answer)}\n`);
  return 0;
};
