import { backoffMs } from "../api/client/backoff.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { type AgentEnd, serveTunnel } from "../api/tunnel/agent-end.ts";
import { dialTunnel, type Dialled, type DialTarget } from "../api/tunnel/dial.ts";
import type { KeepAlive } from "../api/tunnel/keep-alive.ts";
import type { ServedNodes } from "../api/tunnel/served-nodes.ts";
import type { Log } from "../controllers/runtime/reconciler.ts";

/** What keeping a tunnel open needs. */
export type TunnelOptions = {
  readonly target: DialTarget;
  readonly nodes: ServedNodes;
  readonly clock: Clock;
  readonly log: Log;
  readonly keepAlive?: KeepAlive;
  /** In [0, 1); default `Math.random`. Spreads a fleet that comes back after a restart. */
  readonly random?: () => number;
  /** Default: over the network. */
  readonly dial?: (target: DialTarget, signal: AbortSignal) => Promise<Dialled>;
};

/** Between two dials: the first may follow soon, a server that refuses is not stormed. */
const waits = { baseMs: 500, maxMs: 30_000 };
/** A tunnel that was open for so long, in milliseconds, was a success: the next dial is a first one. */
const stableMs = 10_000;
/** What goes on in a tunnel when the agent stops may take so long, in milliseconds. */
const graceMs = 5_000;

function aborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const stop = (): void => resolve("the agent stops");
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Keeps one tunnel to the API server open until the signal aborts: dials, answers what comes, and dials
 * anew when it is lost, with growing waits. A server that goes away on purpose ends its calls in the old
 * tunnel while the next one is already open.
 */
export async function keepTunnel(options: TunnelOptions, signal: AbortSignal): Promise<void> {
  const { target, clock, log, random = Math.random, dial = dialTunnel } = options;
  const { what, server } = target;
  const open = new Set<AgentEnd>();
  let failures = 0;
  const once = async (): Promise<void> => {
    const { socket, by } = await dial(target, signal);
    const onError = (err: unknown, path: string): void =>
      log.error({ err, path }, "cannot answer a call through the tunnel");
    const end = serveTunnel(socket, { ...options, onError });
    open.add(end);
    void end.closed.then(() => open.delete(end)); // never rejects
    const sinceMs = clock.nowMs();
    log.info({ what, server, by }, "the tunnel is open");
    const why = await Promise.race([end.lost, aborted(signal)]);
    if (clock.nowMs() - sinceMs >= stableMs) failures = 0;
    if (!signal.aborted) log.warn({ what, server, why }, "the tunnel is lost");
  };
  while (!signal.aborted) {
    await once().catch((err: unknown) => {
      if (!signal.aborted) log.warn({ err, what, server }, "cannot open the tunnel");
    });
    failures += 1;
    await clock.sleep(backoffMs(waits, failures, random()), signal).catch(() => undefined); // ends the loop
  }
  await Promise.all([...open].map((end) => end.close(graceMs)));
}
