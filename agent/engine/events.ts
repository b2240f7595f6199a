import type { Clock } from "../../api/machinery/clock.ts";
import { unavailable } from "../../api/machinery/errors.ts";
import type { EngineEvent } from "./engine.ts";
import { readNdjson } from "./ndjson.ts";
import type { Body } from "./transport.ts";

/** Pauses between attempts to reconnect: the first at once, then doubling up to the last. */
const firstPauseMs = 100;
const longestPauseMs = 5_000;

type WireEvent = {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: {
    readonly ID: string;
    readonly Attributes: Readonly<Record<string, string>> | null;
  };
  readonly time: number;
  readonly timeNano?: number;
};

/** The wire event as ours; `undefined` for kinds nobody asked for. */
export function toEvent(wire: WireEvent): EngineEvent | undefined {
  if (wire.Type !== "container" && wire.Type !== "image") return undefined;
  // `exec_start: sh -c ...` and `health_status: healthy` carry their argument in the action.
  const [action = "", ...argument] = wire.Action.split(": ");
  const extra = action === "health_status" ? { health: argument.join(": ") } : {};
  return {
    type: wire.Type,
    action,
    id: wire.Actor.ID,
    attributes: { ...wire.Actor.Attributes, ...extra },
    atMs: wire.timeNano === undefined ? wire.time * 1000 : Math.floor(wire.timeNano / 1e6),
  };
}

/** Reads events of one connection until it is lost. */
async function* readConnection(body: Body): AsyncGenerator<EngineEvent> {
  try {
    for await (const wire of readNdjson(body.stream)) {
      const event = toEvent(wire as WireEvent);
      if (event !== undefined) yield event;
    }
  } catch (err) {
    throw body.explain(err);
  } finally {
    body.stream.destroy();
  }
}

const asError = (err: unknown): Error => (err instanceof Error ? err : new Error(String(err)));

/**
 * Events over any number of connections. Each new connection begins with `resync`, each loss is
 * told as `lost`; the pause grows with losses in a row and starts over once a connection held.
 */
export async function* followEvents(
  connect: (signal: AbortSignal) => Promise<Body>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    try {
      const body = await connect(signal);
      pauseMs = firstPauseMs;
      yield { type: "resync" };
      yield* readConnection(body);
      if (signal.aborted) return;
      yield { type: "lost", error: unavailable("The engine ended its stream of events") };
    } catch (err) {
      if (signal.aborted) return;
      yield { type: "lost", error: asError(err) };
    }
    await clock.sleep(pauseMs, signal).catch(() => undefined); // aborted: the loop ends
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  }
}
