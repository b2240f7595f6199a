import type { Session } from "../../../crds/types.gen.ts";
import { badRequest, notFound, StatusError, unauthorized } from "../../machinery/errors.ts";
import { formatTime } from "../../machinery/time.ts";
import { checkSameOrigin, isForeign } from "../authn/same-origin.ts";
import { sessionCookie, sessionTokenOf, sessionUser } from "../authn/session.ts";
import { annotate } from "../audit/annotate.ts";
import type { App, Reply, Request } from "../http.ts";
import { authBodyBytes, readAuthBody } from "./auth-body.ts";
import { sessionCollection } from "./collections.ts";
import type { Logins } from "./login.ts";
import { maxPasswordBytes } from "./password-rules.ts";
import { parseSessionToken } from "./session-token.ts";
import type { TokenPair } from "./session-secrets.ts";
import type { LiveSession, LoginOrigin, Sessions } from "./sessions.ts";

/** What the routes of logins need. */
export type AuthRoutesOptions = {
  readonly logins: Logins;
  readonly sessions: Sessions;
  /** Told of what an administrator wants to know; never with anything secret. */
  readonly onEvent: (what: string, about: Readonly<Record<string, string>>) => void;
};

const maxLoginLength = 254;

const originOf = ({ ip, headers }: Request): LoginOrigin => ({
  address: ip.replace(/^::ffff:/, ""),
  userAgent: headers["user-agent"] ?? "",
});

/** The end of a browser's session is in the cookie too: so long it is kept at most. */
function cookieText(token: string, maxAgeSeconds: number): string {
  return `${sessionCookie}=${token}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=Strict`;
}

const noCookie = cookieText("", 0);

/** What a client learns of its session. */
function describe({ session, user }: LiveSession): object {
  const { name, uid } = user.metadata;
  return {
    session: session.metadata.name,
    user: { name, uid, email: user.spec.email, groups: user.spec.groups ?? [] },
    expires: session.spec.expires,
  };
}

const describeTokens = ({ access, accessEndsMs, refresh }: TokenPair): object => ({
  accessToken: access,
  accessTokenExpires: formatTime(accessEndsMs),
  refreshToken: refresh,
});

function sendJson(reply: Reply, body: object): Reply {
  return reply.header("cache-control", "no-store").type("application/json").send(body);
}

const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" };

/** From now on the request is known to come from that User: the audit log says so. */
function identify(request: Request, live: LiveSession): void {
  request.user = sessionUser(live);
}

function refuseForeign({ headers }: Request): void {
  if (!isForeign(headers)) return;
  throw new StatusError("Forbidden", "Cannot log in or out: a page of another origin asked");
}

/** Only such is recorded of a login that failed: what people type there may be their password. */
const looksLikeEmail = /^[\w.+-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,4}$/i;

const wrong = "Cannot log in: the email or the password is wrong";

type Sent = { readonly email: string; readonly password: string; readonly browser: boolean };

/** @throws StatusError `BadRequest`; `Forbidden` when another site's page asks for a cookie */
function readLogin(request: Request): Sent {
  const { headers, body } = request;
  const fields = ["email", "password", "client"] as const;
  const sent = readAuthBody(headers["content-type"], body, fields);
  const { email = "", password = "", client = "CLI" } = sent;
  if (client !== "CLI" && client !== "Browser") {
    throw badRequest('Cannot log in: client must be "CLI" or "Browser"');
  }
  const browser = client === "Browser";
  // Else another site could log its visitor in as somebody else, and look on.
  if (browser) checkSameOrigin(request, "log in with a cookie");
  // What nobody can have is as wrong as anything else, and takes as long.
  const isPossible =
    email.length <= maxLoginLength && Buffer.byteLength(password) <= maxPasswordBytes;
  return isPossible ? { email, password, browser } : { email: "", password: "", browser };
}

async function login(options: AuthRoutesOptions, request: Request, reply: Reply): Promise<Reply> {
  refuseForeign(request);
  const { email, password, browser } = readLogin(request);
  const { logins, sessions, onEvent } = options;
  const origin = originOf(request);
  const admitted = await logins.judge({ login: email, password, address: origin.address });
  if (admitted === undefined) {
    if (looksLikeEmail.test(email)) annotate(request, "lighthouse.dev/login", email);
    throw unauthorized(wrong);
  }
  const { user, isStill } = admitted;
  const begun = browser
    ? await sessions.beginCookie(user, origin)
    : await sessions.beginPair(user, origin);
  // A new password ends the sessions that there are: this one may have come too late to be among them.
  if (!(await isStill())) {
    await sessions.end(begun.session.metadata.name);
    throw unauthorized(wrong);
  }
  identify(request, begun);
  onEvent("logged in", { user: user.metadata.name, session: begun.session.metadata.name });
  const { tokens } = begun;
  if (typeof tokens !== "string") {
    return sendJson(reply, { ...describe(begun), ...describeTokens(tokens) });
  }
  const { metadata, spec } = begun.session;
  const lifeMs = Date.parse(spec.expires) - Date.parse(metadata.creationTimestamp ?? "");
  void reply.header("set-cookie", cookieText(tokens, lifeMs / 1_000));
  return sendJson(reply, describe(begun));
}

async function refresh(options: AuthRoutesOptions, request: Request, reply: Reply): Promise<Reply> {
  refuseForeign(request);
  const { headers, body } = request;
  const { refreshToken = "" } = readAuthBody(headers["content-type"], body, ["refreshToken"]);
  // Not throttled: nobody guesses 512 bits, and who guesses passwords beside must not end sessions by that.
  const token = parseSessionToken(refreshToken);
  const outcome = token === undefined ? "unknown" : await options.sessions.refresh(token);
  if (outcome === "replayed" && token !== undefined) {
    options.onEvent("ended a session whose used refresh token came again", {
      session: token.session,
    });
  }
  if (typeof outcome === "string") throw unauthorized("Cannot refresh: log in again");
  identify(request, outcome);
  return sendJson(reply, { ...describe(outcome), ...describeTokens(outcome.tokens) });
}

/** The session that a request shows by its header or its cookie. @throws StatusError `Unauthorized` */
async function shown({ sessions }: AuthRoutesOptions, request: Request): Promise<LiveSession> {
  const { headers, method } = request;
  if (headers["impersonate-user"] !== undefined) {
    throw badRequest("Cannot impersonate here: a session is its user's own");
  }
  const token = sessionTokenOf({ headers, method });
  const live = token === undefined ? undefined : await sessions.find(token);
  if (live === undefined) throw unauthorized();
  identify(request, live);
  return live;
}

async function logout(options: AuthRoutesOptions, request: Request, reply: Reply): Promise<Reply> {
  refuseForeign(request);
  const { headers, body } = request;
  const isEmpty = !Buffer.isBuffer(body) || body.length === 0;
  const sent = isEmpty ? {} : readAuthBody(headers["content-type"], body, ["refreshToken"]);
  const token = parseSessionToken(sent.refreshToken ?? "");
  const known = token === undefined ? undefined : await options.sessions.ofToken(token);
  if (known !== undefined) identify(request, known);
  const live = known ?? (await shown(options, request));
  await options.sessions.end(live.session.metadata.name);
  void reply.header("set-cookie", noCookie);
  return sendJson(reply, success);
}

const listOf = (items: readonly Session[], current: string): object => ({
  kind: "SessionList",
  apiVersion: "lighthouse.dev/v1",
  metadata: {},
  current,
  items,
});

/**
 * Serves logins and what belongs to them, to everybody: `POST /auth/login`, `/auth/refresh` and
 * `/auth/logout`, and one's own sessions at `/auth/sessions`.
 */
export function serveAuth(app: App, options: AuthRoutesOptions): void {
  const { sessions } = options;
  const bodyLimit = authBodyBytes;
  app.post("/auth/login", { bodyLimit }, (request, reply) => login(options, request, reply));
  app.post("/auth/refresh", { bodyLimit }, (request, reply) => refresh(options, request, reply));
  app.post("/auth/logout", { bodyLimit }, (request, reply) => logout(options, request, reply));
  app.get("/auth/sessions", async (request, reply) => {
    const live = await shown(options, request);
    return sendJson(reply, listOf(sessions.of(live.user), live.session.metadata.name));
  });
  app.delete<{ Params: { readonly name: string } }>(
    "/auth/sessions/:name",
    async (request, reply) => {
      const live = await shown(options, request);
      const { name } = request.params;
      const own = sessions.of(live.user).find(({ metadata }) => metadata.name === name);
      if (own === undefined) throw notFound(sessionCollection, name);
      await sessions.end(name);
      return sendJson(reply, success);
    },
  );
}
