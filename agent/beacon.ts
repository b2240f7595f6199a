import { hostname } from "node:os";
import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { setCondition } from "../api/machinery/conditions.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../api/machinery/errors.ts";
import { equalJson } from "../api/machinery/equality.ts";
import { beacons } from "../api/machinery/resources.ts";
import { formatTime } from "../api/machinery/time.ts";
import { beaconCondition, beaconReason } from "../crds/conditions.ts";
import type { Beacon, BeaconStatus } from "../crds/types.gen.ts";

/** What the agent has to say about itself. */
export type BeaconFacts = {
  /** Version of the agent, e.g. `0.1.0`. */
  readonly version: string;
  /** How it finds its hosts; several joined by a comma. */
  readonly provider: string;
  /** Every host that discovery found: its Node, or its endpoint while there is none. */
  readonly hosts: readonly {
    readonly name: string;
    readonly live: boolean;
    readonly why: string;
  }[];
  /** Why the last looks for hosts failed; empty when they did not. */
  readonly troubles: readonly { readonly reason: string; readonly message: string }[];
  /** Hosts that are not used because another one answers with their Engine ID, in words. */
  readonly duplicates: readonly string[];
};

type Verdict = { readonly ok: boolean; readonly reason: string; readonly message: string };

/** At most five of them, in words. */
function listed(all: readonly string[]): string {
  const shown = all.slice(0, 5).join("; ");
  return all.length > 5 ? `${shown}; and ${all.length - 5} more` : shown;
}

function readyVerdict({ hosts, troubles }: BeaconFacts): Verdict {
  if (hosts.length === 0) {
    const why = listed(troubles.map(({ message }) => message));
    const message = `Discovery found no Docker host${why === "" ? "" : `: ${why}`}`;
    return { ok: false, reason: beaconReason.noHosts, message };
  }
  const away = hosts.filter(({ live }) => !live);
  if (away.length === 0) return { ok: true, reason: beaconReason.hostsReady, message: "" };
  const message = listed(away.map(({ name, why }) => (why === "" ? name : `${name}: ${why}`)));
  return { ok: false, reason: beaconReason.hostsNotReady, message };
}

function discoveredVerdict({ troubles }: BeaconFacts): Verdict {
  const [first] = troubles;
  if (first === undefined) return { ok: true, reason: beaconReason.hostsFound, message: "" };
  const message = listed(troubles.map(({ message: words }) => words));
  return { ok: false, reason: first.reason, message };
}

type Conditions = NonNullable<BeaconStatus["conditions"]>;

function conditionsOf(before: Beacon, facts: BeaconFacts, nowMs: number): Conditions {
  const { generation } = before.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const { ready, discovered, duplicateEngine } = beaconCondition;
  const set = (list: Conditions, type: string, { ok, reason, message }: Verdict): Conditions => {
    const status = ok ? "True" : "False";
    const draft = { type, status, reason, message, ...observed } as const;
    return [...setCondition(list, draft, formatTime(nowMs))];
  };
  const known = (before.status?.conditions ?? []).filter(({ type }) => type !== duplicateEngine);
  const told = set(set(known, ready, readyVerdict(facts)), discovered, discoveredVerdict(facts));
  if (facts.duplicates.length === 0) return told;
  const was = before.status?.conditions?.filter(({ type }) => type === duplicateEngine) ?? [];
  const message = listed(facts.duplicates);
  const reason = beaconReason.sameEngineId;
  return set([...told, ...was], duplicateEngine, { ok: true, reason, message });
}

/** The status of a Beacon; the condition that the API server writes is kept. */
export function beaconStatus(before: Beacon, facts: BeaconFacts, nowMs: number): BeaconStatus {
  const { generation } = before.metadata;
  return {
    ...before.status,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    version: facts.version,
    provider: facts.provider,
    hostname: hostname(),
    nodes: facts.hosts.length,
    readyNodes: facts.hosts.filter(({ live }) => live).length,
    conditions: conditionsOf(before, facts, nowMs),
  };
}

/** The Beacon of that name, made when it is missing. */
export async function ensureBeacon(
  client: Client,
  name: string,
  signal: AbortSignal,
): Promise<Beacon> {
  const found = await client.get(beacons, { name }, signal);
  if (found !== undefined) return found;
  try {
    return await client.create(beacons, {
      apiVersion: "lighthouse.dev/v1",
      kind: "Beacon",
      metadata: { name },
      spec: { paused: false },
    });
  } catch (err) {
    if (!isAlreadyExists(err)) throw err;
    return ensureBeacon(client, name, signal);
  }
}

/**
 * Writes the status of a Beacon if it says something new. Only over the version that it was made from: a
 * list is written as a whole, and the condition of the API server must not go back to what it was. Who
 * comes too late hears of the newer version, and writes again.
 */
export async function reportBeacon(
  { client, clock }: { readonly client: Client; readonly clock: Clock },
  beacon: Beacon,
  facts: BeaconFacts,
): Promise<void> {
  const status = beaconStatus(beacon, facts, clock.nowMs());
  if (equalJson(status, beacon.status)) return;
  const { name, uid, resourceVersion } = beacon.metadata;
  const body = { metadata: { uid, resourceVersion }, status };
  const key = { name };
  try {
    await client.patch(beacons, key, { type: "merge", body }, { subresource: "status" });
  } catch (err) {
    // Deleted meanwhile, or written: the next state that is heard of gets it.
    if (!isNotFound(err) && !isConflict(err)) throw err;
  }
}
