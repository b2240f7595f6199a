import { isUnauthorized, StatusError } from "../../api/machinery/errors.ts";
import { refreshTokens } from "./auth-api.ts";
import { followAuthority } from "./follow-authority.ts";
import { lockFile } from "./file-lock.ts";
import { type LoginState, readLogin, writeLogin } from "./login-state.ts";

/** A token and when it ends, in milliseconds since the epoch. */
export type FreshToken = { readonly token: string; readonly expiresMs: number };

/** What renewing needs. */
export type RenewOptions = {
  /** File of the login. */
  readonly path: string;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** To name in messages when the file is gone. */
  readonly server?: string;
};

/** Renewed this long before it ends, so that a request does not meet the end on its way. */
const earlyMs = 60_000;
/** One renewal takes so long at most; who waits for another's waits as long. */
const renewMs = 20_000;

const again = (state: Pick<LoginState, "server" | "context">): string =>
  `run "lighthouse login ${state.server} --context ${state.context}"`;

/** As the server would say it, so that nobody takes it for a broken connection. */
const ended = (message: string, cause?: unknown): Error =>
  new StatusError("Unauthorized", message, { cause });

const isFresh = ({ expiresMs }: LoginState, nowMs: number): boolean => expiresMs - nowMs > earlyMs;

type Renewed = FreshToken & { readonly refresh: string };

async function ask(state: LoginState, signal: AbortSignal): Promise<Renewed> {
  const { renewal } = state;
  if (renewal.kind === "session") {
    const { access, refresh, expiresMs } = await refreshTokens(state, renewal.refresh, signal);
    return { token: access, refresh, expiresMs };
  }
  const { refreshOidc } = await import("./oidc-flows.ts");
  return refreshOidc(renewal, signal);
}

/** @throws Error that says to log in again; whatever else went wrong, while the token still holds */
async function renewed(state: LoginState, { nowMs, signal }: RenewOptions): Promise<LoginState> {
  try {
    const { refresh, ...fresh } = await ask(
      state,
      AbortSignal.any([signal, AbortSignal.timeout(renewMs)]),
    );
    return { ...state, ...fresh, renewal: { ...state.renewal, refresh } };
  } catch (cause) {
    signal.throwIfAborted();
    if (isUnauthorized(cause)) {
      throw ended(
        `The login of ${state.user} at ${state.server} has ended; ${again(state)}`,
        cause,
      );
    }
    if (state.expiresMs > nowMs()) return state; // still good: the next request tries again
    throw cause;
  }
}

/**
 * The token of a login, renewed when it is about to end. Several processes may ask at once: one of them
 * renews, the others take what it got.
 * @throws Error that says to log in again once the login has ended
 */
export async function freshToken(options: RenewOptions): Promise<FreshToken> {
  const { path, nowMs, signal, server = "SERVER" } = options;
  const gone = (): Error => ended(`There is no login in ${path}; run "lighthouse login ${server}"`);
  const known = await readLogin(path);
  if (known === undefined) throw gone();
  if (isFresh(known, nowMs())) return known;
  const limits = { waitMs: 2 * renewMs, maxHeldMs: 3 * renewMs };
  await using lock = await lockFile(`${path}.lock`, limits, signal);
  const state = await readLogin(path);
  if (state === undefined) throw gone();
  if (isFresh(state, nowMs())) return state;
  const next = await renewed(state, options);
  if (next === state || !(await lock.isHeld())) return next;
  await writeLogin(path, next);
  // Once the tokens are safe; what fails here is done by the next renewal.
  const followed = await followAuthority(next, signal).catch(() => next);
  if (followed !== next) await writeLogin(path, followed);
  return next;
}
