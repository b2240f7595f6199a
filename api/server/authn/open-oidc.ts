import { readFile } from "node:fs/promises";
import type { FastifyBaseLogger } from "fastify";
import type { Clock } from "../../machinery/clock.ts";
import type { Authenticator } from "../access.ts";
import type { App } from "../http.ts";
import type { Users } from "../identity/users.ts";
import {
  configOfFlags,
  type JwtConfig,
  type OidcFlags,
  parseAuthenticationConfig,
} from "./oidc-config.ts";
import { issuerFetch } from "./oidc-fetch.ts";
import { issuerKeys } from "./oidc-keys.ts";
import { userMapper } from "./oidc-user.ts";
import { oidcAuthenticator, type TrustedIssuer } from "./oidc.ts";

/** Where clients learn how people log in here. */
export const loginMethodsPath = "/.well-known/lighthouse/login";

/** Which issuers a server trusts: a file in Kubernetes' format, or short flags. */
export type OidcConfig = {
  /** Absolute path of an AuthenticationConfiguration, read again when it changes. */
  readonly file?: string;
  readonly flags?: Omit<OidcFlags, "authority"> & {
    /** Absolute path of the issuer's authority, PEM. */
    readonly authorityFile?: string;
  };
};

/** What OIDC needs. */
export type OpenOidcOptions = {
  readonly config: OidcConfig;
  /** The `iss` of our own tokens, which no issuer may claim. */
  readonly accountIssuer: string;
  readonly users: Pick<Users, "isDisabled">;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
};

/** Users of foreign issuers. */
export type Oidc = {
  readonly authenticator: Authenticator;
  /** Calls back after whom the server trusts has changed. */
  readonly onChange: (listener: () => void) => void;
  /** Tells everybody which issuers there are: clients cannot know them yet. */
  readonly addPublic: (app: App) => void;
  /** Follows the file until the signal aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
};

/** The file is looked at so often, in milliseconds. Mounted files change without an event. */
const lookMs = 2_000;

async function readFlags(
  { authorityFile, ...flags }: NonNullable<OidcConfig["flags"]>,
  accountIssuer: string,
): Promise<readonly JwtConfig[]> {
  if (authorityFile === undefined) return configOfFlags(flags, accountIssuer);
  const authority = await readFile(authorityFile, "utf8");
  return configOfFlags({ ...flags, authority }, accountIssuer);
}

type Trusted = {
  readonly issuers: readonly TrustedIssuer[];
  readonly authenticator: Authenticator;
};

/** Whether two configurations find an issuer's keys at the same place, by the same authority. */
function isSamePlace({ issuer: left }: JwtConfig, { issuer: right }: JwtConfig): boolean {
  const isSameUrl = left.url === right.url && left.discoveryURL === right.discoveryURL;
  return isSameUrl && left.certificateAuthority === right.certificateAuthority;
}

/** Keys that are known stay known: a change of rules needs no issuer that answers at that moment. */
function trust(
  configs: readonly JwtConfig[],
  options: OpenOidcOptions,
  before: readonly TrustedIssuer[] = [],
): Trusted {
  const { clock, log, users } = options;
  const issuers = configs.map((config, index): TrustedIssuer => {
    const { url, discoveryURL, certificateAuthority } = config.issuer;
    const known = before.find((other) => isSamePlace(other.config, config))?.keys;
    const keys =
      known ??
      issuerKeys({
        issuer: url,
        ...(discoveryURL === undefined ? {} : { discoveryUrl: discoveryURL }),
        fetchJson: issuerFetch(certificateAuthority),
        clock,
        onError: (err) => log.warn({ err, issuer: url }, "cannot ask an OIDC issuer for its keys"),
      });
    return { config, keys, toUser: userMapper(config, `jwt.${index}`) };
  });
  const authenticator = oidcAuthenticator({
    issuers,
    clock,
    isDisabled: users.isDisabled,
    onRefused: (issuer, why) => log.info({ issuer, why }, "refused an ID token"),
    onDropped: (issuer, user, groups) =>
      log.warn({ issuer, user, groups }, "dropped groups of the system from an ID token"),
  });
  return { issuers, authenticator };
}

/** What a client needs to log in at an issuer; nothing of it is secret. */
function methodsOf(issuers: readonly TrustedIssuer[]): object {
  return {
    oidc: issuers.map(({ config: { issuer } }) => ({
      issuer: issuer.url,
      clientID: issuer.audiences[0],
      ...(issuer.certificateAuthority === undefined
        ? {}
        : { certificateAuthority: issuer.certificateAuthority }),
    })),
  };
}

/**
 * Trusts the issuers of a configuration. None of them is asked before its first token: one that is down
 * does not keep the server from starting.
 * @throws Error that names the file and what is wrong in it
 */
export async function openOidc(options: OpenOidcOptions): Promise<Oidc> {
  const { config, accountIssuer, clock, log } = options;
  const { file } = config;
  let text = file === undefined ? "" : await readFile(file, "utf8");
  const configs =
    file === undefined
      ? config.flags === undefined
        ? []
        : await readFlags(config.flags, accountIssuer)
      : parseAuthenticationConfig(text, accountIssuer);
  let trusted = trust(configs, options);
  const listeners: (() => void)[] = [];

  async function follow(path: string): Promise<void> {
    const now = await readFile(path, "utf8");
    if (now === text) return;
    text = now; // also when it is of no use: said once
    trusted = trust(parseAuthenticationConfig(now, accountIssuer), options, trusted.issuers);
    for (const listener of listeners) listener();
    log.info({ issuers: trusted.issuers.length }, "took up the authentication configuration");
  }

  return {
    authenticator: {
      authenticate: (credentials) => trusted.authenticator.authenticate(credentials),
    },
    onChange: (listener) => void listeners.push(listener),
    addPublic(app) {
      app.get(loginMethodsPath, async () => Promise.resolve(methodsOf(trusted.issuers)));
    },
    async run(signal) {
      if (file === undefined) return;
      while (!signal.aborted) {
        await clock.sleep(lookMs, signal).catch(() => undefined); // looked at below
        if (signal.aborted) return;
        await follow(file).catch((err: unknown) =>
          log.error(
            { err },
            "cannot use the changed authentication configuration, keeping the old",
          ),
        );
      }
    },
  };
}
