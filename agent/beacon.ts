import { hostname } from "node:os";
import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { setCondition } from "../api/machinery/conditions.ts";
import { isAlreadyExists, isNotFound } from "../api/machinery/errors.ts";
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
};

type Verdict = { readonly ok: boolean; readonly reason: string; readonly message: string };

function readyVerdict({ hosts }: BeaconFacts): Verdict {
  if (hosts.length === 0)
    return { ok: false, reason: beaconReason.noHosts, message: "Discovery found no Docker host" };
  const away = hosts.filter(({ live }) => !live);
  if (away.length === 0) return { ok: true, reason: beaconReason.hostsReady, message: "" };
  const shown = away.slice(0, 5).map(({ name, why }) => (why === "" ? name : `${name}: ${why}`));
  const more = away.length > shown.length ? `; and ${away.length - shown.length} more` : "";
  const message = `${shown.join("; ")}${more}`;
  return { ok: false, reason: beaconReason.hostsNotReady, message };
}

/** The status of a Beacon; the condition that the API server writes is kept. */
export function beaconStatus(before: Beacon, facts: BeaconFacts, nowMs: number): BeaconStatus {
  const { ok, reason, message } = readyVerdict(facts);
  const generation = before.metadata.generation;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const status = ok ? "True" : "False";
  const draft = { type: beaconCondition.ready, status, reason, message, ...observed } as const;
  return {
    ...before.status,
    ...observed,
    version: facts.version,
    provider: facts.provider,
    hostname: hostname(),
    nodes: facts.hosts.length,
    readyNodes: facts.hosts.filter(({ live }) => live).length,
    conditions: [...setCondition(before.status?.conditions, draft, formatTime(nowMs))],
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

/** Writes the status of a Beacon if it says something new. */
export async function reportBeacon(
  { client, clock }: { readonly client: Client; readonly clock: Clock },
  beacon: Beacon,
  facts: BeaconFacts,
): Promise<void> {
  const status = beaconStatus(beacon, facts, clock.nowMs());
  if (equalJson(status, beacon.status)) return;
  const body = { metadata: { uid: beacon.metadata.uid }, status };
  const key = { name: beacon.metadata.name };
  try {
    await client.patch(beacons, key, { type: "merge", body }, { subresource: "status" });
  } catch (err) {
    if (!isNotFound(err)) throw err; // deleted meanwhile: its next incarnation gets it
  }
}
