import type { Doing } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { type Call, segment, type Transport } from "./transport.ts";

/** Time limits of calls, in milliseconds; a stop adds its grace period. */
export type Deadlines = {
  /** Reads: info, list, inspect. */
  readonly readMs: number;
  /** Calls that change a container, or move files. */
  readonly changeMs: number;
  /** Silence of a pull, or of the registry. */
  readonly pullMs: number;
};

/** What the parts of the driver share. */
export type Parts = {
  readonly transport: Transport;
  readonly deadlines: Deadlines;
  /** Admits calls that cost the engine CPU: create, start, remove. */
  readonly work: () => Promise<Gate>;
  /** Admits stops, which mostly wait. */
  readonly stops: Gate;
};

/** A call about one container, before its verb is added. */
export type Target = {
  readonly id: string;
  /** What is done to it, e.g. `start`; goes into errors as "Cannot start container web". */
  readonly action: string;
  readonly signal: AbortSignal | undefined;
};

/** The subject of an error about a container; ids are shortened as `docker ps` does. */
export function doingTo({ action, id }: Pick<Target, "action" | "id">): Doing {
  const shown = /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id;
  return { action: `${action} container ${shown}`, kind: "containers", name: id };
}

/** Path below one container; without `verb` the container itself. */
export function containerPath(id: string, verb = ""): string {
  return `/containers/${segment(id)}${verb === "" ? "" : `/${verb}`}`;
}

/** A read of one container. */
export function readCall(parts: Parts, target: Target, verb: string): Call {
  return {
    method: "GET",
    path: containerPath(target.id, verb),
    doing: doingTo(target),
    deadlineMs: parts.deadlines.readMs,
    signal: target.signal,
  };
}

/** A change of one container. */
export function changeCall(parts: Parts, target: Target, verb: string): Call {
  return {
    method: "POST",
    path: containerPath(target.id, verb),
    doing: doingTo(target),
    deadlineMs: parts.deadlines.changeMs,
    signal: target.signal,
  };
}
