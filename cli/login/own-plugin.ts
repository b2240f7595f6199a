import type { Credentials } from "../../api/client/config.ts";
import type { Io } from "../command.ts";
import { ownExecOf } from "./exec-user.ts";
import { type FreshToken, freshToken } from "./renew.ts";

/** A token is taken again from the file this long before it ends, in milliseconds. */
const earlyMs = 60_000;

/**
 * Credentials of a user that `lighthouse login` wrote, without starting ourselves as kubectl does;
 * `undefined` for all other users.
 */
export function loginCredentials(
  user: unknown,
  { clock }: Pick<Io, "clock">,
): (() => Promise<Credentials>) | undefined {
  const exec = ownExecOf(user);
  if (exec === undefined) return undefined;
  let last: FreshToken | undefined;
  return async () => {
    if (last === undefined || last.expiresMs - clock.nowMs() <= earlyMs) {
      const signal = AbortSignal.timeout(60_000);
      last = await freshToken({ ...exec, nowMs: () => clock.nowMs(), signal });
    }
    return { token: last.token };
  };
}
