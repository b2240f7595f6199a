import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ListOptions } from "../../api/client/client.ts";
import { createInformer } from "../../api/client/shared-informer.ts";
import { isForbidden, isUnavailable } from "../../api/machinery/errors.ts";
import type { KubeObject, ObjectKey } from "../../api/machinery/object.ts";
import { applications, type Pod, pods, type Resource } from "../../api/machinery/resources.ts";
import { label } from "../../crds/labels.ts";
import type { Application } from "../../crds/types.gen.ts";

/** What is known of a rollout at one moment. */
export type Sight = {
  /** Absent when it was deleted. */
  readonly application?: Application;
  /** Its pods; none while they may not be read. */
  readonly pods: readonly Pod[];
  /** Why this may be old or in part, in words: the server does not answer, a right is missing. */
  readonly trouble?: string;
};

/** How to watch. */
export type WatchOptions = {
  readonly client: Pick<Client, "list" | "watch">;
  readonly key: ObjectKey;
  readonly nowMs: () => number;
  /** A sight is given at least so often, for what depends on the time alone. Milliseconds. */
  readonly tickMs: number;
};

/** Time between two sights at least. Milliseconds. */
const calmMs = 50;
/** And so many times as long as the last one took to show: ten thousand slots must not fill a core. */
const calmFactor = 4;

type Bell = {
  ring(): void;
  /** Resolves when it is rung, was rung since the last time, or after `ms`. */
  heard(ms: number, signal: AbortSignal): Promise<void>;
};

function createBell(): Bell {
  let next = Promise.withResolvers<void>();
  return {
    ring: () => next.resolve(),
    async heard(ms, signal) {
      const stop = new AbortController();
      const all = AbortSignal.any([signal, stop.signal]);
      const timer = sleep(ms, undefined, { signal: all }).catch(() => undefined);
      await Promise.race([next.promise, timer]);
      stop.abort();
      next = Promise.withResolvers<void>();
    },
  };
}

type Watched = "application" | "pods";

function troubleOf(what: Watched, err: unknown): string {
  if (isForbidden(err) && what === "pods") return "its pods may not be read: slots are not shown";
  const why = err instanceof Error ? err.message : String(err);
  return `${why} (trying again)`;
}

/** What is wrong with the sight, until it is seen to be over. */
function createTroubles({ client, key }: WatchOptions, changed: () => void) {
  const troubles = new Map<Watched, string>();
  let isProbing = false;
  // A watch that is resumed says nothing until something happens: ask whether the server is back.
  const probe = async (signal: AbortSignal): Promise<void> => {
    if (isProbing) return;
    isProbing = true;
    const { name, ...scope } = key;
    const only = { ...scope, fieldSelector: `metadata.name=${name}` };
    while (!signal.aborted && isProbing) {
      await sleep(1000, undefined, { signal }).catch(() => undefined);
      isProbing = await client.list(applications, only, signal).then(
        () => false,
        () => true,
      );
    }
    troubles.clear();
    changed();
  };
  return {
    first: (): string | undefined => [...troubles.values()][0],
    lost(what: Watched, err: unknown, signal: AbortSignal): void {
      troubles.set(what, troubleOf(what, err));
      changed();
      if (isUnavailable(err)) void probe(signal); // it ends with the signal and never rejects
    },
    found(what: Watched): void {
      troubles.delete(what);
      changed();
    },
  };
}

function startInformers(options: WatchOptions, bell: Bell, signal: AbortSignal) {
  const { client, key, nowMs } = options;
  const troubles = createTroubles(options, () => bell.ring());
  const clock = {
    nowMs,
    sleep: (ms: number, until: AbortSignal) => sleep(ms, undefined, { signal: until }),
  };
  const start = <T extends KubeObject>(what: Watched, type: Resource<T>, select: ListOptions) => {
    const lost = ({ err }: { readonly err?: unknown }): void => {
      if (!signal.aborted) troubles.lost(what, err, signal);
    };
    const log = { warn: lost, error: lost };
    const informer = createInformer({ client, type, select, clock, log });
    informer.onChange(() => troubles.found(what));
    return { informer, ended: informer.run(signal) };
  };
  const { name, ...scope } = key;
  return {
    troubles,
    apps: start("application", applications, { ...scope, fieldSelector: `metadata.name=${name}` }),
    its: start("pods", pods, { ...scope, labelSelector: `${label.application}=${name}` }),
  };
}

/**
 * An Application and its pods now and after each change, until the signal aborts. Changes that
 * come together are one sight. A server that is away is asked again until it is back.
 */
export async function* watchRollout(
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<Sight> {
  const { key, tickMs } = options;
  const bell = createBell();
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  const { apps, its, troubles } = startInformers(options, bell, all);
  try {
    await apps.informer.synced;
    // Half a picture is no news: pods come a moment later, unless they may not be read.
    await Promise.race([its.informer.synced, sleep(1000, undefined, { signal: all })]);
    while (!signal.aborted) {
      const application = apps.informer.cache.get(key);
      const trouble = troubles.first();
      const begunMs = performance.now();
      yield {
        ...(application === undefined ? {} : { application }),
        pods: its.informer.cache.list(),
        ...(trouble === undefined ? {} : { trouble }),
      };
      // Pods of a batch change together: one sight for them, and not one for each.
      const tookMs = performance.now() - begunMs;
      await sleep(Math.max(calmMs, calmFactor * tookMs), undefined, { signal });
      await bell.heard(tickMs, signal);
    }
  } finally {
    stop.abort();
    await Promise.all([apps.ended, its.ended]);
  }
}
