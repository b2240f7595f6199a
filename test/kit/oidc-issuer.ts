import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { exportJWK, type JWK, type JWTPayload, SignJWT } from "jose";
import { type Configuration, Provider } from "oidc-provider";
import { Agent, request } from "undici";
import { issueAuthority, issueCertificate } from "../../api/server/pki/issue.ts";
import { type OidcMemory, oidcMemory } from "./oidc-memory.ts";

/** A person whom the issuer knows. */
export type Person = {
  readonly sub: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly groups?: readonly string[];
};

/** A real OpenID Connect issuer on the loopback: discovery, code with PKCE, device flow, refresh. */
export type OidcIssuer = AsyncDisposable & {
  /** e.g. `https://127.0.0.1:41233`. */
  readonly url: string;
  /** PEM of the authority that signed its certificate. */
  readonly authority: string;
  /** The public client that it knows. */
  readonly clientId: string;
  /** Who logs in from now on. */
  person: Person;
  /** The key that it signs with, as everybody can read it. */
  publicJwk(): Promise<JWK>;
  /** How often its keys were asked for. */
  readonly keysAsked: () => number;
  /** Signs with a new key; with `keep` the old one stays in its set. */
  rotateKey(options?: { readonly keep: boolean }): Promise<void>;
  /** A token as the issuer would give it, except for what is said otherwise. */
  idToken(claims?: JWTPayload, head?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Goes to an address as a browser does, confirms what is asked, and ends where nothing leads on. */
  visit(address: string): Promise<string>;
  /** Nobody answers any more, until it is brought back. */
  setDown(down: boolean): void;
};

type Key = { readonly kid: string; readonly privateKey: KeyObject };

function newKey(): Key {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { kid: randomUUID(), privateKey };
}

async function jwkOf({ kid, privateKey }: Key): Promise<JWK> {
  return { ...(await exportJWK(privateKey)), kid, alg: "ES256", use: "sig" };
}

const clientId = "lighthouse";
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

type Parts = {
  readonly url: string;
  readonly keys: readonly Key[];
  readonly idTokenSeconds: number;
  readonly person: () => Person;
  readonly memory: OidcMemory;
};

async function configurationOf({
  keys,
  idTokenSeconds,
  person,
  memory,
}: Parts): Promise<Configuration> {
  return {
    adapter: memory,
    clients: [
      {
        client_id: clientId,
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token", deviceGrant],
        redirect_uris: ["http://127.0.0.1/callback"],
        response_types: ["code"],
        id_token_signed_response_alg: "ES256",
      },
    ],
    jwks: { keys: await Promise.all(keys.map(jwkOf)) },
    cookies: { keys: [randomUUID()] },
    conformIdTokenClaims: false,
    scopes: ["openid", "email", "groups", "offline_access"],
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
    ttl: {
      IdToken: idTokenSeconds,
      AccessToken: 3_600,
      Session: 3_600,
      Grant: 3_600,
      Interaction: 600,
      DeviceCode: 600,
      RefreshToken: 3_600,
    },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ ...person(), sub }) }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form) => void (ctx.body = form),
        userCodeConfirmSource: (ctx, form) => void (ctx.body = form),
        successSource: (ctx) => void (ctx.body = "device confirmed"),
      },
    },
  };
}

/** Says yes to everything, as the person who sits there. */
async function interact(
  provider: Provider,
  person: Person,
  { request: incoming, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const { prompt, params, grantId } = await provider.interactionDetails(incoming, response);
  const finish = (result: object): Promise<void> =>
    provider.interactionFinished(incoming, response, result as never, {
      mergeWithLastSubmission: true,
    });
  if (prompt.name === "login") return finish({ login: { accountId: person.sub } });
  const grant =
    (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
    new provider.Grant({ accountId: person.sub, clientId });
  grant.addOIDCScope(String(params["scope"]));
  return finish({ consent: { grantId: await grant.save() } });
}

const hiddenInput = /<input type="hidden" name="([^"]+)" value="([^"]*)"/g;

/** The form of a page, filled in; `undefined` for a page without one. */
function formOf(page: string): { readonly action: string; readonly body: string } | undefined {
  const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
  if (action === undefined) return undefined;
  const inputs = [...page.matchAll(hiddenInput)].map(([, name = "", value = ""]) => [name, value]);
  const body = new URLSearchParams([...inputs, ["confirm", "yes"]] as [string, string][]);
  return { action, body: body.toString() };
}

type Step = { readonly url: URL; readonly body?: string };

type Browser = { readonly dispatcher: Agent; readonly cookies: Map<string, string> };

/** Takes one step; where nothing leads on, what the page says. */
async function step({ dispatcher, cookies }: Browser, { url, body }: Step): Promise<Step | string> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const form = body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" };
  const answer = await request(url, {
    dispatcher,
    method: body === undefined ? "GET" : "POST",
    headers: { cookie, ...form },
    body: body ?? null,
  });
  for (const text of [answer.headers["set-cookie"] ?? []].flat()) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(text) ?? [];
    cookies.set(name, value);
  }
  const page = await answer.body.text();
  const { location } = answer.headers;
  if (typeof location === "string") return { url: new URL(location, url) };
  const next = formOf(page);
  return next === undefined ? page : { url: new URL(next.action, url), body: next.body };
}

/** A browser with cookies that follows redirects and sends the forms that it meets. */
async function browse(start: string, authority: string): Promise<string> {
  const dispatcher = new Agent({ connect: { ca: authority } });
  const browser: Browser = { dispatcher, cookies: new Map() };
  let at: Step | string = { url: new URL(start) };
  try {
    for (let steps = 0; steps < 20; steps += 1) {
      at = await step(browser, at);
      if (typeof at === "string") return at;
    }
    throw new Error(`Cannot come to an end from ${start}`);
  } finally {
    await dispatcher.close();
  }
}

/** Starts an issuer on a free port of 127.0.0.1. */
export async function startOidcIssuer(
  options: { readonly person?: Person; readonly idTokenSeconds?: number } = {},
): Promise<OidcIssuer> {
  const { idTokenSeconds = 600 } = options;
  let person = options.person ?? { sub: "ann", email: "ann@example.com", email_verified: true };
  const nowMs = Date.now();
  const authority = await issueAuthority("issuer", nowMs);
  const identity = { user: "issuer", groups: [] };
  const names = ["127.0.0.1", "localhost"];
  const serving = await issueCertificate(authority, { identity, usage: "server", names, nowMs });
  const memory = oidcMemory();
  let handle: RequestListener | undefined;
  let down = false;
  let keysAsked = 0;
  const server = createServer(
    { key: serving.key, cert: serving.certificate },
    (incoming, response) => {
      if (down) return void response.destroy();
      if (incoming.url === "/jwks") keysAsked += 1;
      handle?.(incoming, response);
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let keys: readonly Key[] = [newKey()];
  const open = async (): Promise<void> => {
    const parts: Parts = { url, keys, idTokenSeconds, memory, person: () => person };
    const provider = new Provider(url, await configurationOf(parts));
    const callback = provider.callback();
    handle = (incoming, response) => {
      if (incoming.url?.startsWith("/interaction/") !== true)
        return void callback(incoming, response);
      interact(provider, person, { request: incoming, response }).catch((err: unknown) =>
        response.writeHead(500).end(String(err)),
      );
    };
  };
  await open();
  return {
    url,
    authority: authority.certificate,
    clientId,
    get person() {
      return person;
    },
    set person(next) {
      person = next;
    },
    async publicJwk() {
      const [key = newKey()] = keys;
      const jwk = await exportJWK(createPublicKey(key.privateKey));
      return { ...jwk, kid: key.kid, alg: "ES256", use: "sig" };
    },
    keysAsked: () => keysAsked,
    async rotateKey({ keep } = { keep: true }) {
      keys = [newKey(), ...(keep ? keys : [])];
      await open();
    },
    async idToken(claims = {}, head = {}) {
      const [key = newKey()] = keys;
      const now = Math.floor(Date.now() / 1_000);
      const { sub } = person;
      const payload = { ...person, iss: url, aud: clientId, sub, iat: now, exp: now + 600 };
      return new SignJWT({ ...payload, ...claims })
        .setProtectedHeader({ alg: "ES256", kid: key.kid, ...head })
        .sign(key.privateKey);
    },
    visit: (address) => browse(address, authority.certificate),
    setDown(next) {
      down = next;
      if (next) server.closeAllConnections();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
