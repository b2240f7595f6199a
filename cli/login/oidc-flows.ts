import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as client from "openid-client";
import { Agent, fetch as undiciFetch } from "undici";
import { unauthorized } from "../../api/machinery/errors.ts";

/** An issuer, and whom we are to it. */
export type OidcClient = {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  /** PEM; absent: the public authorities. */
  readonly authority?: string;
};

/** What an issuer gave. */
export type OidcTokens = {
  readonly token: string;
  readonly expiresMs: number;
  readonly refresh: string;
};

/** How a person is led to the issuer. */
export type OidcPrompt = {
  /** Shows text; also opens the address in a browser where that is possible. */
  readonly show: (text: string, url: string) => void;
  readonly flow: "device" | "browser" | undefined;
  /** Asked for beside what is always asked for. */
  readonly scopes: readonly string[];
  /** Port of 127.0.0.1 for the way back; 0: any. */
  readonly callbackPort: number;
  readonly signal: AbortSignal;
};

/** Asked for where the issuer has them: some refuse the whole request for one that they do not know. */
const wishes = ["email", "profile", "groups", "offline_access"];

/** Where the browser comes back to. */
const callbackPath = "/callback";

/** `fetch` that trusts one authority. */
function trusting(authority: string): client.CustomFetch {
  const dispatcher = new Agent({ connect: { ca: authority } });
  return async (url, options) => {
    const answer = await undiciFetch(url, { ...options, dispatcher } as Parameters<
      typeof undiciFetch
    >[1]);
    return answer;
  };
}

/** @throws Error when the issuer cannot be asked, or calls itself otherwise */
async function discover({
  issuer,
  clientId,
  clientSecret,
  authority,
}: OidcClient): Promise<client.Configuration> {
  const how = clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret);
  const trust = authority === undefined ? {} : { [client.customFetch]: trusting(authority) };
  try {
    return await client.discovery(new URL(issuer), clientId, undefined, how, trust);
  } catch (cause) {
    throw new Error(`Cannot ask the issuer ${issuer}: ${reasonOf(cause)}`, { cause });
  }
}

/** What an issuer says, without what would steer a terminal. */
const plain = (text: string): string => text.replaceAll(/\p{C}/gu, "");

function reasonOf(err: unknown): string {
  if (err instanceof client.ResponseBodyError) return plain(err.error_description ?? err.error);
  const { cause } = err as { readonly cause?: unknown };
  const inner = cause instanceof Error ? `: ${cause.message}` : "";
  return err instanceof Error ? `${err.message}${inner}` : String(err);
}

type Answer = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;

function tokensOf(answer: Answer, before = ""): OidcTokens {
  const { id_token: token, refresh_token: refresh = before } = answer;
  const exp = answer.claims()?.exp;
  if (token === undefined || exp === undefined) {
    throw new Error("Cannot use the issuer's answer: it has no ID token");
  }
  return { token, expiresMs: exp * 1_000, refresh };
}

function scopeOf(config: client.Configuration, more: readonly string[]): string {
  const supported = config.serverMetadata().scopes_supported ?? ["email", "profile"];
  const granted = wishes.filter((scope) => supported.includes(scope));
  return [...new Set(["openid", ...granted, ...more])].join(" ");
}

async function byDevice(config: client.Configuration, prompt: OidcPrompt): Promise<Answer> {
  const scope = scopeOf(config, prompt.scopes);
  const device = await client.initiateDeviceAuthorization(config, { scope });
  const { verification_uri: url, verification_uri_complete: whole, user_code: code } = device;
  prompt.show(`Open ${plain(url)} and enter the code ${plain(code)}`, whole ?? url);
  return client.pollDeviceAuthorizationGrant(config, device, undefined, { signal: prompt.signal });
}

const page = (text: string): string =>
  `<!doctype html><meta charset="utf-8"><title>Lighthouse</title><p>${text}</p>\n`;

/** Waits on the loopback for the browser to come back with our `state`. RFC 8252 7.3. */
async function openCallback(state: string, { callbackPort: port, signal }: OidcPrompt) {
  const { promise, resolve, reject } = Promise.withResolvers<URL>();
  const server = createServer((request, response) => {
    const { port: own } = server.address() as AddressInfo;
    const url = new URL(request.url ?? "/", `http://127.0.0.1:${own}`);
    // Any page may send a browser here: what does not answer our question ends nothing.
    const isOurs = url.pathname === callbackPath && url.searchParams.get("state") === state;
    const isBack = request.method === "GET" && isOurs;
    response.writeHead(isBack ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
    response.end(page(isBack ? "You may close this window." : "Nothing here."));
    if (isBack) resolve(url);
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed).listen(port, "127.0.0.1", listening);
  });
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}${callbackPath}`,
    back: promise,
    [Symbol.dispose]() {
      signal.removeEventListener("abort", abort);
      server.close();
      server.closeAllConnections();
    },
  };
}

async function byBrowser(config: client.Configuration, prompt: OidcPrompt): Promise<Answer> {
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  using callback = await openCallback(state, prompt);
  const verifier = client.randomPKCECodeVerifier();
  const scope = scopeOf(config, prompt.scopes);
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: callback.uri,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    // Without it issuers leave out the refresh token (OpenID Connect Core 11).
    ...(scope.includes("offline_access") ? { prompt: "consent" } : {}),
  });
  prompt.show(`Open this address to log in:\n  ${url.href}`, url.href);
  return await client.authorizationCodeGrant(config, await callback.back, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
}

/** Issuers say so when the client may not use the device flow, though others may. */
const isNotForUs = (err: unknown): boolean =>
  err instanceof client.ResponseBodyError &&
  ["unauthorized_client", "unsupported_grant_type", "invalid_client"].includes(err.error);

async function authorize(config: client.Configuration, prompt: OidcPrompt): Promise<Answer> {
  const hasDevice = config.serverMetadata().device_authorization_endpoint !== undefined;
  const { flow = hasDevice ? "device" : "browser" } = prompt;
  if (flow === "browser") return byBrowser(config, prompt);
  try {
    return await byDevice(config, prompt);
  } catch (err) {
    if (prompt.flow === undefined && isNotForUs(err)) return byBrowser(config, prompt);
    throw err;
  }
}

/**
 * Leads a person to the issuer: by the device flow (RFC 8628) where there is one, else by a browser that
 * comes back to this machine (authorization code with PKCE, RFC 8252).
 * @throws Error that says what the issuer answered; the signal's reason
 */
export async function logInByOidc(who: OidcClient, prompt: OidcPrompt): Promise<OidcTokens> {
  const config = await discover(who);
  try {
    return tokensOf(await authorize(config, prompt));
  } catch (cause) {
    prompt.signal.throwIfAborted();
    throw new Error(`Cannot log in at ${who.issuer}: ${reasonOf(cause)}`, { cause });
  }
}

/** The next ID token. @throws StatusError `Unauthorized` when a person must log in again */
export async function refreshOidc(
  { refresh, ...who }: OidcClient & { readonly refresh?: string },
  signal: AbortSignal,
): Promise<OidcTokens> {
  const ended = `the issuer ${who.issuer} wants a new login`;
  if (refresh === undefined || refresh === "") throw unauthorized(ended);
  const config = await discover(who);
  try {
    return tokensOf(await client.refreshTokenGrant(config, refresh, undefined), refresh);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof client.ResponseBodyError && cause.error === "invalid_grant")
      throw unauthorized(ended);
    throw new Error(`Cannot renew at ${who.issuer}: ${reasonOf(cause)}`, { cause });
  }
}

/** Tells the issuer that nobody will renew this login any more (RFC 7009), where it listens to that. */
export async function revokeOidc(
  { refresh = "", ...who }: OidcClient & { readonly refresh?: string },
  signal: AbortSignal,
): Promise<void> {
  if (refresh === "") return;
  const config = await discover(who);
  signal.throwIfAborted();
  if (config.serverMetadata().revocation_endpoint === undefined) return;
  await client.tokenRevocation(config, refresh);
}
