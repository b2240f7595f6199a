import { X509Certificate } from "node:crypto";
import { backoffMs } from "../../api/client/backoff.ts";
import type { ClientConfig, Credentials } from "../../api/client/config.ts";
import { createClient } from "../../api/client/create-client.ts";
import { fetchAuthority, pinnedAuthority } from "../../api/client/fetch-authority.ts";
import { authorityHash, type JoinLink, tokenId } from "../../api/client/join-link.ts";
import { pemBlocks, rootsMark } from "../../api/machinery/authority.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { badRequest, reasonOf, unauthorized } from "../../api/machinery/errors.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { askForCertificate } from "./ask.ts";
import { type Clocks, clockProblem, validityProblem } from "./clocks.ts";
import {
  keepAuthority,
  keepCertificate,
  keepIdentity,
  openKey,
  readIdentity,
  type StoredIdentity,
} from "./identity-files.ts";
import { askForRoots, isOfIssuer, isTrusted } from "./roots.ts";

/** What opening an identity needs. */
export type IdentityOptions = {
  /** Where key and certificate are kept; made when it is missing. */
  readonly dataDir: string;
  /** Absent: only what an earlier join left. */
  readonly link?: JoinLink;
  /** The name to join with where the link has none. */
  readonly beacon: string;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Once another root issues, certificates are renewed within so long. Milliseconds, default one minute. */
  readonly hurryMs?: number;
};

/** Who an agent is towards its server. */
export interface AgentIdentity {
  readonly beacon: string;
  /** For clients and tunnels: a renewed certificate is taken up by their next call. */
  readonly config: ClientConfig;
  /** Renews the certificate in time, until the signal aborts. */
  keep(signal: AbortSignal): Promise<void>;
}

/**
 * By this name the server shows the certificate of its own authority, which is the one that agents trust,
 * whatever others it has for people and whatever address it is reached by.
 */
const tlsServerName = "lighthouse";

const retry = { baseMs: 1_000, maxMs: 60_000 };
const renewalRetry = { baseMs: 5_000, maxMs: 900_000 };
/** A fleet must not renew in one second, and a rotation not wait for it. */
const defaultHurryMs = 60_000;
/** Servers that are not of one mind yet must not be asked in turns without a pause. */
const learnPauseMs = 5_000;
/** Clocks are set, hosts sleep: nobody waits longer for a moment than so. */
const longestSleepMs = 3_600_000;

type Context = IdentityOptions & { readonly signal: AbortSignal };

/** Repeats while the server cannot be reached: hosts start before their network does. */
async function untilReached<T>(context: Context, what: string, work: () => Promise<T>): Promise<T> {
  const { clock, log, signal } = context;
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (err) {
      signal.throwIfAborted();
      const reason = reasonOf(err);
      if (reason !== "ServiceUnavailable" && reason !== "TooManyRequests") throw err;
      const waitMs = backoffMs(retry, tries, Math.random());
      log.warn({ err, waitMs }, `cannot ${what}; trying again`);
      await clock.sleep(waitMs, signal);
    }
  }
}

async function ask(
  { userAgent, clock, log, signal }: Context,
  {
    server,
    authority,
    beacon,
    key,
  }: Pick<StoredIdentity, "server" | "authority" | "beacon" | "key">,
  by: { readonly credentials: Credentials; readonly occasion: string },
): Promise<string> {
  const { credentials, occasion } = by;
  const trust = { ca: authority, tlsServerName };
  await using client = createClient({ server, ...trust, credentials, userAgent });
  return await askForCertificate({ client, beacon, key, occasion, clock, log }, signal);
}

/** A refusal of the token in words that help; nothing else is known of it here. */
function explainRefusal(err: unknown, link: JoinLink, clocks: Clocks | undefined): unknown {
  if (reasonOf(err) !== "Unauthorized") return err;
  const apart = clocks === undefined ? undefined : clockProblem(clocks);
  const hint = apart === undefined ? "" : ` (${apart})`;
  return unauthorized(
    `Cannot join at ${link.server}: token ${tokenId(link.token)} was refused: it is wrong, expired, used up or deleted, the server's log says which${hint}; make a new one with "lighthouse token create"`,
  );
}

async function join(context: Context, link: JoinLink): Promise<StoredIdentity> {
  const { server, token, caHash } = link;
  const { clock, log, dataDir, signal } = context;
  const beacon = link.beacon ?? context.beacon;
  const found = await untilReached(context, "reach the server to join", () =>
    fetchAuthority(server, signal),
  );
  const authority = pinnedAuthority(server, found, caHash);
  const serverMs = found.nowMs ?? clock.nowMs();
  const clocks = (): Clocks => ({ ownMs: clock.nowMs(), serverMs });
  const apart = clockProblem(clocks());
  if (apart !== undefined) log.warn({ server }, apart);
  const key = await openKey(dataDir);
  const base = { server, beacon, tokenId: tokenId(token), authority, key };
  const by = { credentials: { token }, occasion: base.tokenId };
  try {
    const certificate = await untilReached(context, "join", () => ask(context, base, by));
    const unusable = validityProblem(certificate, clocks());
    if (unusable !== undefined) {
      throw badRequest(`Cannot use the certificate of beacon "${beacon}": ${unusable}`);
    }
    const identity = { ...base, certificate };
    await keepIdentity(dataDir, identity);
    log.info({ server, beacon, token: base.tokenId }, "joined");
    return identity;
  } catch (err) {
    throw explainRefusal(err, link, clocks());
  }
}

/** When a certificate is to be renewed, and when it ends. Milliseconds since the epoch. */
function lifeOf(pem: string): { readonly startMs: number; readonly endMs: number } {
  const certificate = new X509Certificate(pem);
  return { startMs: certificate.validFromDate.getTime(), endMs: certificate.validToDate.getTime() };
}

/**
 * After two thirds of its life, give or take a twentieth: a fleet that joined together must not renew
 * together. `random` is in [0, 1).
 */
export function renewalMs(pem: string, random: number): number {
  const { startMs, endMs } = lifeOf(pem);
  return startMs + (endMs - startMs) * (2 / 3 + (random - 0.5) / 10);
}

class Identity implements AgentIdentity {
  readonly beacon: string;
  readonly config: ClientConfig;
  readonly #options: IdentityOptions;
  #current: StoredIdentity;
  #news = new AbortController();

  constructor(options: IdentityOptions, stored: StoredIdentity) {
    this.#options = options;
    this.#current = stored;
    this.beacon = stored.beacon;
    const authority = (): string => this.#current.authority;
    this.config = {
      server: stored.server,
      tlsServerName,
      get ca() {
        return authority();
      },
      credentials: async () => this.#credentials(),
      userAgent: options.userAgent,
      onRoots: (mark) => {
        if (mark !== rootsMark(authority())) this.#news.abort();
      },
    };
  }

  #credentials(): Credentials {
    const { certificate, key } = this.#current;
    return { clientCert: certificate, clientKey: key };
  }

  /** Whether the certificate has come to its end, by either clock. */
  hasEnded(serverMs: number): boolean {
    const nowMs = Math.max(serverMs, this.#options.clock.nowMs());
    return lifeOf(this.#current.certificate).endMs <= nowMs;
  }

  /** Whether the root of the certificate is not trusted any more. */
  isDropped(): boolean {
    return !isTrusted(this.#current.certificate, this.#current.authority);
  }

  /** Learns which roots the server trusts. @returns its clock, milliseconds since the epoch */
  async learn(signal: AbortSignal): Promise<number> {
    const { dataDir, log, clock } = this.#options;
    const { authority, nowMs = clock.nowMs() } = await askForRoots(this.config, signal);
    if (authority === this.#current.authority) return nowMs;
    await keepAuthority(dataDir, authority);
    this.#current = { ...this.#current, authority };
    log.info({ beacon: this.beacon, roots: rootsMark(authority) }, "learnt the server's roots");
    return nowMs;
  }

  /** When to renew: in time, and soon when another root issues now. */
  #dueMs(): number {
    const { clock, hurryMs = defaultHurryMs } = this.#options;
    const { certificate, authority } = this.#current;
    const inTime = renewalMs(certificate, Math.random());
    if (isOfIssuer(certificate, authority)) return inTime;
    return Math.min(inTime, clock.nowMs() + hurryMs * Math.random());
  }

  /** Gets a new certificate by the one that is there; that one stays until the new one is on disk. */
  async renew(signal: AbortSignal): Promise<void> {
    const { dataDir, log } = this.#options;
    const { serialNumber } = new X509Certificate(this.#current.certificate);
    const occasion = serialNumber.slice(0, 12).toLowerCase();
    const by = { credentials: this.#credentials(), occasion };
    const certificate = await ask({ ...this.#options, signal }, this.#current, by);
    await keepCertificate(dataDir, certificate);
    this.#current = { ...this.#current, certificate };
    const ends = new Date(lifeOf(certificate).endMs).toISOString();
    log.info({ beacon: this.beacon, ends }, "renewed the certificate");
  }

  /** Waits for a moment, and learns the roots when the server says that they are others. */
  async #waitUntil(dueMs: number, signal: AbortSignal): Promise<number> {
    const { clock } = this.#options;
    const restMs = Math.min(dueMs - clock.nowMs(), longestSleepMs);
    const news = this.#news.signal;
    await clock.sleep(restMs, AbortSignal.any([signal, news])).catch(() => undefined);
    signal.throwIfAborted();
    if (!news.aborted) return dueMs;
    this.#news = new AbortController();
    await this.learn(signal);
    const soonMs = this.#dueMs();
    await clock.sleep(Math.min(learnPauseMs, Math.max(0, soonMs - clock.nowMs())), signal);
    return Math.min(dueMs, soonMs);
  }

  async keep(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let dueMs = this.#dueMs();
    for (let failures = 0; !signal.aborted;) {
      try {
        if (dueMs > clock.nowMs()) {
          dueMs = await this.#waitUntil(dueMs, signal);
          continue;
        }
        await this.renew(signal);
        failures = 0;
        dueMs = this.#dueMs();
      } catch (err) {
        if (signal.aborted) return;
        failures += 1;
        const waitMs = backoffMs(renewalRetry, failures, Math.random());
        log.warn({ err, waitMs }, "cannot renew the certificate; the old one stays in use");
        dueMs = clock.nowMs() + waitMs;
      }
    }
  }
}

/** Asks for another certificate by one that has ended, for as long as it takes somebody to approve it. */
async function reEnrol(identity: Identity, context: Context): Promise<void> {
  const { log, clock, signal } = context;
  const { beacon } = identity;
  const wayOut = `approve it with "lighthouse beacon approve ${beacon}", or join again with a new token`;
  log.warn({ beacon, wayOut }, "the certificate has ended; asking for another one");
  for (let tries = 1; ; tries += 1) {
    try {
      return await identity.renew(signal);
    } catch (err) {
      signal.throwIfAborted();
      const waitMs = backoffMs(retry, tries, Math.random());
      log.warn({ err, waitMs }, "cannot get another certificate; trying again");
      await clock.sleep(waitMs, signal);
    }
  }
}

/**
 * Learns the server's roots and its clock, in milliseconds since the epoch; ours when the server is away,
 * which is no reason not to start. Clocks that are apart are told of once: certificates fail by them in
 * words that name none.
 */
async function serverClock(identity: Identity, context: Context): Promise<number> {
  const { clock, log, signal } = context;
  try {
    const serverMs = await identity.learn(signal);
    const apart = clockProblem({ ownMs: clock.nowMs(), serverMs });
    if (apart !== undefined) log.warn({ server: identity.config.server }, apart);
    return serverMs;
  } catch (err) {
    signal.throwIfAborted();
    log.debug({ err }, "cannot ask for the server's clock");
    return clock.nowMs();
  }
}

function withLink(stored: StoredIdentity, link: JoinLink | undefined, dataDir: string) {
  if (link === undefined) return stored;
  const hashes = pemBlocks(stored.authority).map(authorityHash);
  if (!hashes.includes(link.caHash)) {
    const [have] = hashes;
    throw badRequest(
      `Cannot join at ${link.server}: this host belongs to ${stored.server}, whose certificate authority is ${have}, not ${link.caHash}; to move it, remove ${dataDir} first`,
    );
  }
  return { ...stored, server: link.server }; // the same control plane under another name
}

/**
 * The identity that an earlier join left in `dataDir`, else the one that a join with the link brings: the
 * key is made here and stays here. A link with another token than that of the earlier join joins again.
 * One whose certificate has ended waits until somebody approves another.
 *
 * @returns `undefined` when there is neither identity nor link
 * @throws WrongAuthority, Refused, StatusError with the cause and the way out; the signal's reason
 */
export async function openIdentity(
  options: IdentityOptions,
  signal: AbortSignal,
): Promise<AgentIdentity | undefined> {
  const { dataDir, link } = options;
  const context = { ...options, signal };
  const found = await readIdentity(dataDir);
  if (found === undefined && link === undefined) return undefined;
  const stored = found === undefined ? undefined : withLink(found, link, dataDir);
  const isNews = link !== undefined && stored?.tokenId !== tokenId(link.token);
  if (isNews) return new Identity(options, await join(context, link));
  if (stored === undefined) return undefined;
  const identity = new Identity(options, stored);
  const serverMs = await serverClock(identity, context);
  if (identity.hasEnded(serverMs) || identity.isDropped()) await reEnrol(identity, context);
  return identity;
}
