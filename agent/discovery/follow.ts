import type { Clock } from "../../api/machinery/clock.ts";
import { StatusError, timedOut } from "../../api/machinery/errors.ts";
import { beaconReason } from "../../crds/conditions.ts";
import { within } from "../engine/within.ts";
import type { Bell } from "./bell.ts";
import type { DockerHost, Provider } from "./provider.ts";

/** Why a look brought nothing. */
export type Trouble = {
  /** One of `beaconReason`. */
  readonly reason: string;
  readonly message: string;
};

/** The outcome of one look. */
export type Sighting =
  | { readonly provider: string; readonly hosts: readonly DockerHost[]; readonly trouble?: never }
  /** The last set stays. */
  | { readonly provider: string; readonly trouble: Trouble; readonly hosts?: never };

/** How to follow a provider. */
export type FollowOptions = {
  readonly clock: Clock;
  /** Between two looks that succeeded. Milliseconds, 1 or more. */
  readonly intervalMs: number;
  /** Rung when somebody wants a look now. */
  readonly bell: Bell;
  readonly signal: AbortSignal;
};

/** A look that takes longer has failed. Milliseconds. */
export const lookMs = 60_000;
const firstRetryMs = 2_000;

const reasons: Readonly<Record<string, string>> = {
  Unauthorized: beaconReason.credentialsRefused,
  Forbidden: beaconReason.credentialsRefused,
  NotFound: beaconReason.credentialsMissing,
  BadRequest: beaconReason.configInvalid,
  Invalid: beaconReason.configInvalid,
};

function troubleOf(err: unknown): Trouble {
  const reason = err instanceof StatusError ? reasons[err.reason] : undefined;
  const message = err instanceof Error ? err.message : String(err);
  return { reason: reason ?? beaconReason.discoveryFailed, message };
}

/** No URL twice: the first one counts. */
function unique(hosts: readonly DockerHost[]): readonly DockerHost[] {
  const byUrl = new Map<string, DockerHost>();
  for (const host of hosts) if (!byUrl.has(host.url)) byUrl.set(host.url, host);
  return [...byUrl.values()];
}

async function look(provider: Provider, { clock, signal }: FollowOptions): Promise<Sighting> {
  const { name } = provider;
  const end = new AbortController();
  const late = timedOut(`Cannot find hosts by ${name}: no answer within ${lookMs / 1000} s`);
  const limit = clock.sleep(lookMs, AbortSignal.any([signal, end.signal])).then(
    () => end.abort(late),
    () => undefined, // it was in time
  );
  try {
    const both = AbortSignal.any([signal, end.signal]);
    return { provider: name, hosts: unique(await within(provider.find(both), both)) };
  } catch (err) {
    return { provider: name, trouble: troubleOf(end.signal.aborted ? late : err) };
  } finally {
    end.abort();
    await limit;
  }
}

/** Waits for the time or for the bell, whichever comes first. */
async function rest(ms: number, { clock, bell, signal }: FollowOptions): Promise<void> {
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  const slept = clock.sleep(ms, both).catch(() => undefined); // woken early
  await Promise.race([slept, bell.wait(both)]);
  end.abort();
  await slept;
}

async function hear(provider: Provider, { bell, signal }: FollowOptions): Promise<void> {
  if (provider.changes === undefined) return;
  try {
    for await (const _change of provider.changes(signal)) bell.ring();
  } catch (err) {
    if (!signal.aborted) throw err;
  }
}

/**
 * What a provider finds now, and after each interval, ring of the bell or change that it tells of,
 * until the signal aborts; then it ends without an error. A look that failed is told and repeated
 * sooner, first after 2 s, then less and less often up to the interval.
 */
export async function* follow(
  provider: Provider,
  options: FollowOptions,
): AsyncGenerator<Sighting, void> {
  const { intervalMs, signal } = options;
  const end = new AbortController();
  const own = { ...options, signal: AbortSignal.any([signal, end.signal]) };
  const hearing = hear(provider, own).catch(() => undefined); // the interval is the net
  let retryMs = firstRetryMs;
  try {
    while (!own.signal.aborted) {
      const sighting = await look(provider, own);
      if (own.signal.aborted) return;
      yield sighting;
      const failed = sighting.trouble !== undefined;
      await rest(failed ? Math.min(retryMs, intervalMs) : intervalMs, own);
      retryMs = failed ? retryMs * 2 : firstRetryMs;
    }
  } finally {
    end.abort();
    await hearing;
  }
}

/**
 * The first provider, in the order given, that says it is at home here; the last one when none does.
 * All are asked at once. `undefined` once the signal aborted.
 */
export async function choose(
  providers: readonly Provider[],
  signal: AbortSignal,
): Promise<Provider | undefined> {
  if (providers.length < 2) return providers[0];
  const here = await Promise.all(
    providers.map((one) => within(one.isHere(signal), signal).catch(() => false)),
  );
  if (signal.aborted) return undefined;
  return providers.find((_one, index) => here[index]) ?? providers.at(-1);
}
