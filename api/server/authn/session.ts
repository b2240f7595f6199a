import type { Authenticator, Credentials, User } from "../access.ts";
import type { LiveSession, Sessions } from "../identity/sessions.ts";
import { parseSessionToken, type SessionToken } from "../identity/session-token.ts";
import { checkSameOrigin } from "./same-origin.ts";
import { bearerToken } from "./token.ts";

/** The cookie of browsers. The prefix makes them refuse one that is not Secure, or of another host. */
export const sessionCookie = "__Host-lighthouse";

/** Where a user's extra names the Session, as reviews and the audit log show it. */
export const sessionExtra = "lighthouse.dev/session";

/** The cookie's token; `undefined` without one, and when there are two, of which one is not ours. */
function cookieToken({ headers }: Credentials): SessionToken | undefined {
  const { cookie } = headers;
  if (cookie === undefined) return undefined;
  const pairs = [cookie].flat().flatMap((line) => line.split(";"));
  const ours = pairs.map((pair) => pair.trim()).filter((pair) => isOurs(pair));
  const token = ours.length === 1 ? ours[0]?.slice(sessionCookie.length + 1) : undefined;
  return token === undefined ? undefined : parseSessionToken(token);
}

const isOurs = (pair: string): boolean => pair.startsWith(`${sessionCookie}=`);

/**
 * The token that a request brings: a bearer token, or else the cookie. One kind never stands for another:
 * a cookie that was stolen is of no use in a header, where no browser's rules hold.
 * @throws StatusError `Forbidden` for a cookie that another site's page may have made the browser send
 */
export function sessionTokenOf(credentials: Credentials): SessionToken | undefined {
  if (credentials.headers["authorization"] !== undefined) {
    const token = parseSessionToken(bearerToken(credentials) ?? "");
    return token?.kind === "access" ? token : undefined;
  }
  const token = cookieToken(credentials);
  if (token?.kind !== "cookie") return undefined;
  checkSameOrigin(credentials, `use the cookie ${sessionCookie}`);
  return token;
}

/** The User of a Session as requests know it. */
export function sessionUser({ session, user }: LiveSession): User {
  return {
    name: user.metadata.name,
    uid: user.metadata.uid,
    // Refused by the schema already, which is an object that may be changed; none of ours depends on that.
    groups: (user.spec.groups ?? []).filter((group) => !group.startsWith("system:")),
    extra: { [sessionExtra]: [session.metadata.name] },
  };
}

/**
 * Knows Users by the tokens of their Sessions. Both are looked up on each request: what is deleted,
 * disabled or changed counts with the next one.
 */
export function sessionAuthenticator(sessions: Sessions): Authenticator {
  const made = new WeakMap<object, { readonly from: object; readonly user: User }>();
  return {
    async authenticate(credentials) {
      const token = sessionTokenOf(credentials);
      if (token === undefined) return undefined;
      const live = await sessions.find(token, credentials.ongoing === true);
      if (live === undefined) return undefined;
      sessions.touch(live.session);
      const known = made.get(live.session);
      if (known?.from === live.user) return known.user;
      const user = sessionUser(live);
      made.set(live.session, { from: live.user, user });
      return user;
    },
  };
}
