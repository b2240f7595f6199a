import { rm } from "node:fs/promises";
import { isUnauthorized } from "../../api/machinery/errors.ts";
import { endSession } from "./auth-api.ts";
import { type LoginState, readLogin } from "./login-state.ts";

async function end(state: LoginState, signal: AbortSignal): Promise<void> {
  const { renewal } = state;
  if (renewal.kind === "oidc") {
    const { revokeOidc } = await import("./oidc-flows.ts");
    return revokeOidc(renewal, signal);
  }
  try {
    await endSession(state, renewal.refresh, signal);
  } catch (err) {
    if (!isUnauthorized(err)) throw err; // it has ended already
  }
}

const reasonOf = (err: unknown): string => (err instanceof Error ? err.message : String(err));

/**
 * Removes a login from this machine, and ends it where it was made.
 * @returns why the other side could not be told; then it ends by itself
 */
export async function forgetLogin(path: string, signal: AbortSignal): Promise<string | undefined> {
  let state: LoginState | undefined;
  try {
    state = await readLogin(path);
  } catch (err) {
    return reasonOf(err); // a kubeconfig names the file: what holds no login is not ours to remove
  }
  let problem: string | undefined;
  try {
    if (state !== undefined) await end(state, signal);
  } catch (err) {
    problem = reasonOf(err);
  }
  await rm(path, { force: true });
  return problem;
}
