import { createLocalJWKSet, errors, type JSONWebKeySet } from "jose";
import { z } from "zod";
import type { Clock } from "../../machinery/clock.ts";

/** GETs a JSON document over verified TLS. @throws Error when there is none within its bounds */
export type FetchJson = (url: string) => Promise<unknown>;

/** Keys as jose looks them up by the head of a token. */
export type KeySet = ReturnType<typeof createLocalJWKSet>;

/** The keys that an issuer signs with now. */
export interface IssuerKeys {
  /** Those known; fetches them when there are none. @throws Error when the issuer cannot be asked */
  current(): Promise<KeySet>;
  /**
   * Other keys than `tried`, which fitted no token: asks the issuer anew. Whatever callers send, an
   * issuer is asked once in ten seconds at most; in between, and when nothing has changed, there are none.
   */
  otherThan(tried: KeySet): Promise<KeySet | undefined>;
  /** Grows when the keys change: what was verified with older ones is to be verified again. */
  readonly generation: number;
}

/** What following an issuer's keys needs. */
export type IssuerKeysOptions = {
  readonly issuer: string;
  /** Default: the one below the issuer, as OpenID Connect Discovery says. */
  readonly discoveryUrl?: string;
  readonly fetchJson: FetchJson;
  readonly clock: Pick<Clock, "nowMs">;
  /** Told when the issuer cannot be asked. */
  readonly onError: (err: unknown) => void;
};

/** Between two questions to one issuer, whatever tokens are shown to us. */
const coolDownMs = 10_000;
/** Keys this old are fetched anew beside the request that uses them: withdrawn ones go. */
const staleMs = 600_000;
/** An issuer that is away takes its users with it only after so long. */
const uselessMs = 86_400_000;
/** More keys than this is no issuer's set. */
const maxKeys = 100;

const discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https$/ }) });
const jwks = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(maxKeys) });

type Known = { readonly set: KeySet; readonly text: string; readonly atMs: number };

async function fetchSet(options: IssuerKeysOptions): Promise<JSONWebKeySet> {
  const { issuer, fetchJson } = options;
  const url =
    options.discoveryUrl ?? `${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`;
  const found = discovery.parse(await fetchJson(url));
  if (found.issuer !== issuer) {
    throw new Error(`Cannot trust ${url}: it is of issuer ${found.issuer}, expected ${issuer}`);
  }
  return jwks.parse(await fetchJson(found.jwks_uri));
}

/** Follows the keys of one issuer; nothing is asked before the first token. */
export function issuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const { clock, onError } = options;
  let known: Known | undefined;
  let asking: Promise<Known> | undefined;
  let askedMs = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let generation = 0;

  async function ask(): Promise<Known> {
    askedMs = clock.nowMs();
    try {
      const fetched = await fetchSet(options);
      const text = JSON.stringify(fetched);
      if (known !== undefined && known.text !== text) generation += 1;
      const set = known?.text === text ? known.set : createLocalJWKSet(fetched);
      known = { set, text, atMs: clock.nowMs() };
      failure = undefined;
      return known;
    } catch (err) {
      failure = err;
      onError(err);
      throw err;
    } finally {
      asking = undefined;
    }
  }
  const mayAsk = (): boolean => clock.nowMs() - askedMs >= coolDownMs;
  const asked = (): Promise<Known> | undefined => (asking ??= mayAsk() ? ask() : undefined);

  return {
    get generation() {
      return generation;
    },
    async current() {
      const ageMs = clock.nowMs() - (known?.atMs ?? Number.NEGATIVE_INFINITY);
      if (known !== undefined && ageMs < uselessMs) {
        if (ageMs >= staleMs) void asked()?.catch(() => undefined); // onError was told
        return known.set;
      }
      const fresh = await asked();
      if (fresh !== undefined) return fresh.set;
      throw new Error("the issuer could not be asked a moment ago", { cause: failure });
    },
    async otherThan(tried) {
      if (known !== undefined && known.set !== tried) return known.set;
      const fresh = await asked()?.catch(() => undefined); // onError was told
      return fresh === undefined || fresh.set === tried ? undefined : fresh.set;
    },
  };
}

/** Whether a token failed for the want of a key: another set of keys may fit. */
export function wantsOtherKeys(err: unknown): boolean {
  return (
    err instanceof errors.JWKSNoMatchingKey || err instanceof errors.JWSSignatureVerificationFailed
  );
}
