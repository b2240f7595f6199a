import { hostname } from "node:os";
import { randomBytes } from "node:crypto";
import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { leases } from "../api/machinery/resources.ts";
import { lead } from "../controllers/runtime/leader.ts";
import type { Log } from "../controllers/runtime/reconciler.ts";

/** Which process of an agent this is. */
export type AgentProcess = { readonly host: string; readonly pid: number };

/** What several agents of one beacon need to agree on who of them acts. */
export type ActiveOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** metadata.name of the Beacon. */
  readonly beacon: string;
  /** Default: this process. */
  readonly self?: AgentProcess;
  /** Whether a process of this machine lives; default asks the system. */
  readonly isAlive?: (pid: number) => boolean;
  /** For how long a standby must see the Lease unrenewed, in milliseconds. Default 24 s. */
  readonly leaseMs?: number;
  /** Between two looks at the Lease, in milliseconds. Default 8 s. */
  readonly retryMs?: number;
};

/** A standby takes over before Nodes count as lost, which is after 40 s; and a fleet asks seldom enough. */
const defaults = { leaseMs: 24_000, retryMs: 8_000 };

/** Where the agents of one beacon agree, by a Lease that is named as the beacon. */
const leaseNamespace = "lighthouse-node-lease";
/**
 * An agent that cannot renew goes on: who does not reach the API server cannot know better, and containers
 * must be looked after meanwhile. It ends as soon as it sees another in its place. The longest time that
 * timers know, in milliseconds.
 */
const neverMs = 2 ** 31 - 1;

const separator = ":";

function identityOf({ host, pid }: AgentProcess): string {
  return [host, pid, randomBytes(4).toString("hex")].join(separator);
}

function processOf(identity: string): AgentProcess | undefined {
  const [host, pid] = identity.split(separator);
  if (host === undefined || pid === undefined || !/^\d+$/.test(pid)) return undefined;
  return { host, pid: Number(pid) };
}

function livesHere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === "EPERM"; // there, and somebody else's
  }
}

/**
 * Whether the holder was a process of this machine that is gone: killed, and started again as this one.
 * In a container every incarnation has the same process id.
 */
function isPredecessor(
  holder: AgentProcess | undefined,
  self: AgentProcess,
  isAlive: (pid: number) => boolean,
): boolean {
  if (holder === undefined || holder.host !== self.host) return false;
  return holder.pid === self.pid || !isAlive(holder.pid);
}

/** Gives back the Lease of a predecessor that was killed, so that nobody waits for its end. */
async function releaseForDead(options: ActiveOptions, self: AgentProcess): Promise<void> {
  const { client, beacon, log, isAlive = livesHere } = options;
  try {
    const lease = await client.get(leases, { namespace: leaseNamespace, name: beacon });
    const holder = lease?.spec?.holderIdentity ?? "";
    if (lease === undefined || !isPredecessor(processOf(holder), self, isAlive)) return;
    const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 };
    await client.replace(leases, { ...lease, spec });
    log.info({ beacon, holder }, "took the lease of an agent of this machine that is gone");
  } catch (err) {
    log.debug({ err, beacon }, "cannot look at the lease yet");
  }
}

/**
 * Does `work` while this agent is the active one of its beacon, and stands by else. Its signal aborts when
 * another agent took over; `work` is then begun anew once the place is free again.
 */
export async function runActive(
  options: ActiveOptions,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { client, clock, log, beacon, leaseMs, retryMs } = { ...defaults, ...options };
  const self = options.self ?? { host: hostname(), pid: process.pid };
  await releaseForDead(options, self);
  await lead(
    {
      client,
      clock,
      log,
      lease: { namespace: leaseNamespace, name: beacon },
      identity: identityOf(self),
      renewMs: neverMs,
      leaseMs,
      retryMs,
    },
    signal,
    work,
  );
}
