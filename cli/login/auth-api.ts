import { createClient } from "../../api/client/create-client.ts";
import type { Client } from "../../api/client/client.ts";
import { readText } from "../read.ts";
import { productVersion } from "../version.ts";

/** A server that is trusted, and what its users authenticate with. */
export type At = {
  readonly server: string;
  /** PEM; absent: the public authorities. */
  readonly authority?: string;
  readonly token?: string;
};

/** Tokens of a session. */
export type SessionTokens = {
  readonly access: string;
  readonly refresh: string;
  /** When `access` ends, in milliseconds since the epoch. */
  readonly expiresMs: number;
};

/** Who somebody is, as the server says it. */
export type WhoAmI = {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
};

/** Calls a server with a client that is closed afterwards. */
export async function withClient<T>(
  { server, authority, token }: At,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  await using client = createClient({
    server,
    ...(authority === undefined ? {} : { ca: authority }),
    ...(token === undefined ? {} : { credentials: { token } }),
    userAgent: `lighthouse-cli/${productVersion}`,
  });
  return await use(client);
}

type Call = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: object;
};

/** Sends one call and parses its answer; `undefined` when it has no body. */
export async function callJson(client: Client, call: Call, signal: AbortSignal): Promise<unknown> {
  const text = await readText(await client.raw(call, signal));
  return text === "" ? undefined : (JSON.parse(text) as unknown);
}

function tokensOf(answer: unknown): SessionTokens {
  const { accessToken, refreshToken, accessTokenExpires } = (answer ?? {}) as Partial<
    Record<string, unknown>
  >;
  const expiresMs = Date.parse(String(accessTokenExpires));
  if (
    typeof accessToken !== "string" ||
    typeof refreshToken !== "string" ||
    Number.isNaN(expiresMs)
  )
    throw new Error("Cannot use the server's answer to the login: it has no tokens");
  return { access: accessToken, refresh: refreshToken, expiresMs };
}

/** Logs in with a password. @throws StatusError of the server, e.g. `Unauthorized` */
export async function logIn(
  at: At,
  { email, password }: { readonly email: string; readonly password: string },
  signal: AbortSignal,
): Promise<SessionTokens> {
  const call: Call = { method: "POST", path: "/auth/login", body: { email, password } };
  return withClient(at, async (client) => tokensOf(await callJson(client, call, signal)));
}

/** The next tokens of a session. @throws StatusError `Unauthorized` when it has ended */
export async function refreshTokens(
  at: At,
  refreshToken: string,
  signal: AbortSignal,
): Promise<SessionTokens> {
  const call: Call = { method: "POST", path: "/auth/refresh", body: { refreshToken } };
  return withClient(at, async (client) => tokensOf(await callJson(client, call, signal)));
}

/** Ends a session by its refresh token; one that is gone is no error of the server's. */
export async function endSession(at: At, refreshToken: string, signal: AbortSignal): Promise<void> {
  const call: Call = { method: "POST", path: "/auth/logout", body: { refreshToken } };
  await withClient(at, (client) => callJson(client, call, signal));
}

/** Asks a server who the bearer of these credentials is. @throws StatusError `Unauthorized` */
export async function whoAmI(client: Client, signal: AbortSignal): Promise<WhoAmI> {
  const review = await callJson(
    client,
    {
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
    },
    signal,
  );
  return (review as { readonly status: { readonly userInfo: WhoAmI } }).status.userInfo;
}
