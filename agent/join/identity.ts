import { X509Certificate } from "node:crypto";
import { backoffMs } from "../../api/client/backoff.ts";
import type { ClientConfig, Credentials } from "../../api/client/config.ts";
import { createClient } from "../../api/client/create-client.ts";
import { fetchAuthority, pinnedAuthority } from "../../api/client/fetch-authority.ts";
import {
  authorityHash,
  authorityPath,
  type JoinLink,
  tokenId,
} from "../../api/client/join-link.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { badRequest, reasonOf, unauthorized } from "../../api/machinery/errors.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { askForCertificate } from "./ask.ts";
import { type Clocks, clockProblem, validityProblem } from "./clocks.ts";
import {
  keepCertificate,
  keepIdentity,
  openKey,
  readIdentity,
  type StoredIdentity,
} from "./identity-files.ts";

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
};

/** Who an agent is towards its server. */
export interface AgentIdentity {
  readonly beacon: string;
  /** For clients and tunnels: a renewed certificate is taken up by their next call. */
  readonly config: ClientConfig;
  /** Renews the certificate in time, until the signal aborts. */
  keep(signal: AbortSignal): Promise<void>;
}

const retry = { baseMs: 1_000, maxMs: 60_000 };
const renewalRetry = { baseMs: 5_000, maxMs: 900_000 };
/** A server that is away must not hold up an agent that has work to do. */
const clockTimeoutMs = 3_000;
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
  await using client = createClient({ server, ca: authority, credentials, userAgent });
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

  constructor(options: IdentityOptions, stored: StoredIdentity) {
    this.#options = options;
    this.#current = stored;
    this.beacon = stored.beacon;
    this.config = {
      server: stored.server,
      ca: stored.authority,
      credentials: async () => this.#credentials(),
      userAgent: options.userAgent,
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

  async keep(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let dueMs = renewalMs(this.#current.certificate, Math.random());
    for (let failures = 0; !signal.aborted;) {
      const restMs = dueMs - clock.nowMs();
      try {
        if (restMs > 0) {
          await clock.sleep(Math.min(restMs, longestSleepMs), signal);
          continue;
        }
        await this.renew(signal);
        failures = 0;
        dueMs = renewalMs(this.#current.certificate, Math.random());
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
 * The server's clock, in milliseconds since the epoch; ours when the server is away, which is no reason not
 * to start. Clocks that are apart are told of once: certificates fail by them in words that name none.
 */
async function serverClock({ config }: AgentIdentity, context: Context): Promise<number> {
  const { clock, log, signal } = context;
  try {
    await using client = createClient({ ...config, requestTimeoutMs: clockTimeoutMs });
    const request = { method: "GET", path: authorityPath, accept: "*/*" } as const;
    const { headers, body } = await client.raw(request, signal);
    for await (const _chunk of body); // read to its end, as it must be
    const serverMs = Date.parse(String(headers["date"]));
    const apart = clockProblem({ ownMs: clock.nowMs(), serverMs });
    if (apart !== undefined) log.warn({ server: config.server }, apart);
    return Number.isNaN(serverMs) ? clock.nowMs() : serverMs;
  } catch (err) {
    signal.throwIfAborted();
    log.debug({ err }, "cannot ask for the server's clock");
    return clock.nowMs();
  }
}

function withLink(stored: StoredIdentity, link: JoinLink | undefined, dataDir: string) {
  if (link === undefined) return stored;
  const have = authorityHash(stored.authority);
  if (have !== link.caHash) {
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
  if (identity.hasEnded(await serverClock(identity, context))) await reEnrol(identity, context);
  return identity;
}
