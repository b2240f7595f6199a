import type { Duplex } from "node:stream";
import { StatusError } from "../api/machinery/errors.ts";
import type { Pod } from "../api/machinery/resources.ts";
import { parseTime } from "../api/machinery/time.ts";
import type { ContainerFact } from "./pods/facts.ts";
import { historyFrom } from "./pods/history.ts";
import { lineFilter } from "./log-lines.ts";
import type { ServedHost } from "./served-host.ts";
import { dialPort } from "./serve-port.ts";
import {
  prepareAttach,
  prepareExec,
  type ProcessQuery,
  type ReadyProcess,
} from "./serve-process.ts";

/** Which part of a container's output. Absent fields do not limit it. */
export type LogQuery = {
  readonly container: string;
  readonly follow: boolean;
  /** The output of the run before the present one. */
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Integer, 1 or more, in seconds. */
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  /** Integer, 0 or more, in lines. */
  readonly tailLines?: number;
  /** Integer, 1 or more, in bytes. */
  readonly limitBytes?: number;
};

/** What the agent of a Node streams for its pods. */
export interface Streams {
  /**
   * The output of one container, stdout and stderr together. Ends with the container, or at once
   * without `follow`. Aborting the signal ends it without an error.
   * @throws StatusError `NotFound` before the first chunk when there is no such container, `BadRequest`
   * when there was no run before
   */
  logs(pod: Pod, query: LogQuery, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Prepares a command; nothing runs before its `start`.
   * @throws StatusError `NotFound` when there is no such container, `Conflict` when it does not run
   */
  exec(
    pod: Pod,
    query: ProcessQuery & { readonly command: readonly string[] },
    signal: AbortSignal,
  ): Promise<ReadyProcess>;
  /** Prepares to join the main process. @throws StatusError as `exec` */
  attach(pod: Pod, query: ProcessQuery, signal: AbortSignal): Promise<ReadyProcess>;
  /** Connects to a port. @throws StatusError `ServiceUnavailable` with the way out */
  dial(pod: Pod, port: number, signal: AbortSignal): Promise<Duplex>;
}

/** Milliseconds since the Unix epoch; `untilMs` is not part of it. */
type Span = { readonly sinceMs?: number; readonly untilMs?: number };

function statusOf({ status }: Pod, container: string) {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return all.find(({ name }) => name === container);
}

/**
 * The span of the run that is asked for: the engine keeps one log per container, however often it
 * was started again.
 */
function runSpan(pod: Pod, query: LogQuery, fact: ContainerFact): Span {
  const { container, previous } = query;
  const history = historyFrom(statusOf(pod, container));
  const began = fact.startedAtMs;
  if (!previous) return history.restarts === 0 || began === undefined ? {} : { sinceMs: began };
  const last = history.last ?? (history.restarts > 0 ? history.ending : undefined);
  if (last === undefined || last.containerId !== fact.id)
    throw new StatusError(
      "BadRequest",
      `previous terminated container "${container}" in pod "${pod.metadata.name}" not found`,
    );
  return {
    ...(last.startedAtMs === undefined ? {} : { sinceMs: last.startedAtMs }),
    ...(began === undefined ? {} : { untilMs: began }),
  };
}

function sinceOf(query: LogQuery, span: Span, nowMs: number): number | undefined {
  const asked =
    query.sinceTime === undefined
      ? query.sinceSeconds === undefined
        ? undefined
        : nowMs - query.sinceSeconds * 1000
      : parseTime(query.sinceTime);
  if (asked === undefined) return span.sinceMs;
  return Math.max(asked, span.sinceMs ?? asked);
}

async function find(
  { inventory }: ServedHost,
  pod: Pod,
  container: string,
  signal: AbortSignal,
): Promise<ContainerFact> {
  const facts = await inventory.of(pod.metadata.uid, signal);
  const own = facts.filter(({ name }) => name === container);
  const fact = own.find(({ startedAtMs }) => startedAtMs !== undefined) ?? own[0];
  if (fact !== undefined) return fact;
  throw new StatusError(
    "NotFound",
    `container "${container}" of pod "${pod.metadata.name}" not found on its host`,
  );
}

/** Streams of the pods of one host. */
export function createStreams(host: ServedHost, nowMs: () => number): Streams {
  return {
    exec: (pod, query, signal) => prepareExec(host, pod, query, signal),
    attach: (pod, query, signal) => prepareAttach(host, pod, query, signal),
    dial: (pod, port, signal) => dialPort(host, pod, port, signal),
    async *logs(pod, query, signal) {
      const fact = await find(host, pod, query.container, signal);
      if (fact.startedAtMs === undefined) return; // it never ran, so it said nothing
      const span = runSpan(pod, query, fact);
      const sinceMs = sinceOf(query, span, nowMs());
      const cut = span.untilMs;
      const output = host.engine.io.logs(
        fact.id,
        {
          follow: query.follow && cut === undefined,
          // With an end in the past the last lines of the log are not the last of the span.
          ...(query.tailLines === undefined || cut !== undefined ? {} : { tail: query.tailLines }),
          ...(sinceMs === undefined ? {} : { sinceMs }),
          timestamps: query.timestamps || cut !== undefined,
        },
        signal,
      );
      const filter = lineFilter({
        ...(cut === undefined ? {} : { untilMs: cut }),
        ...(cut === undefined || query.tailLines === undefined ? {} : { tail: query.tailLines }),
        keepTimestamps: query.timestamps,
        ...(query.limitBytes === undefined ? {} : { limitBytes: query.limitBytes }),
      });
      yield* filter(output);
    },
  };
}
