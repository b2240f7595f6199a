import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import type { Change, Indexes } from "../../api/client/informer.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import { runController } from "./controller.ts";
import { fencedClient, type Term } from "./fenced-client.ts";
import { lead, type LeaderOptions } from "./leader.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createQueue, type Queue } from "./queue.ts";
import type { BuildController, Controller, Follow, Log, Source } from "./reconciler.ts";
import type { EventRecorder } from "./recorder.ts";
import { scopedLog } from "./scoped-log.ts";
import {
  createSharedCaches,
  type Reading,
  type ScopedCaches,
  type SharedCaches,
} from "./shared-caches.ts";
import { keysOfChange } from "./sources.ts";

/** What a manager runs its controllers with. */
export type ManagerOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: EventRecorder;
  readonly metrics?: Metrics;
  /** Where and as whom to stand for election; absent: it leads at once, as the only one. */
  readonly election?: Pick<LeaderOptions, "lease" | "identity" | "leaseMs" | "renewMs" | "retryMs">;
};

/** One controller with what it reads; `queue` is there while it works. */
type Post = {
  readonly controller: Controller;
  readonly caches: ScopedCaches;
  readonly sources: Map<Source, Reading<KubeObject>>;
  queue?: Queue;
};

/** All that a source has now, as if it had just come. */
function addAll({ queue, sources }: Post, source: Source): void {
  for (const object of sources.get(source)?.cache.list() ?? []) {
    for (const key of source.keysOf(object, "added")) queue?.add(key);
  }
}

/** Makes the post hear of the changes of a source, and at once of what is there already. */
function attach(
  post: Post,
  shared: SharedCaches,
  source: Source,
  indexes?: Indexes<KubeObject>,
): Reading<KubeObject> {
  const onChange = (change: Change<KubeObject>): void => {
    for (const key of keysOfChange(source, change)) post.queue?.add(key);
  };
  const reading = shared.read(source.type, onChange, indexes);
  post.sources.set(source, reading);
  addAll(post, source);
  return reading;
}

/** Lets a controller add sources while the manager runs. */
function follower(post: Post, shared: SharedCaches): Follow {
  return (source, indexes) => {
    const { cache, isSynced, stop } = attach(post, shared, source, indexes);
    return {
      cache,
      isSynced,
      stop: () => {
        post.sources.delete(source);
        stop();
      },
    };
  };
}

/** One writer per field: two controllers that own the same thing would fight for ever. */
export function refuseSharedOwnership(controllers: readonly Controller[]): void {
  const owners = new Map<string, string>();
  const names = new Set<string>();
  for (const { name, owns } of controllers) {
    if (names.has(name)) throw new Error(`Cannot run two controllers called "${name}"`);
    names.add(name);
    for (const thing of owns) {
      const other = owners.get(thing);
      if (other !== undefined) {
        throw new Error(`Cannot run controllers "${other}" and "${name}": both own ${thing}`);
      }
      owners.set(thing, name);
    }
  }
}

function build(
  builders: readonly BuildController[],
  shared: SharedCaches,
  options: ManagerOptions,
): readonly Post[] {
  const { client, clock, recorder, log } = options;
  const posts = builders.map((build): Post => {
    const caches = shared.scope();
    const controller = build({ client, caches, clock, recorder, log });
    return { controller, caches, sources: new Map() };
  });
  refuseSharedOwnership(posts.map(({ controller }) => controller));
  for (const post of posts) {
    for (const source of post.controller.sources) {
      post.caches.of(source.type);
      attach(post, shared, source);
    }
  }
  return posts;
}

/** Works for one term: starts from everything that is there, and then follows the changes. */
async function serve(
  post: Post,
  options: Pick<ManagerOptions, "clock" | "log"> & { readonly metrics: Metrics },
  signal: AbortSignal,
): Promise<void> {
  const isOver = (): boolean => signal.aborted;
  if (isOver()) return;
  const { controller, caches } = post;
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([caches.synced(), stopped]);
  if (isOver()) return;
  const queue = createQueue({ clock: options.clock, signal });
  post.queue = queue; // before the caches are read, so that no change falls in between
  for (const source of post.sources.keys()) addAll(post, source);
  try {
    await runController(controller, { ...options, queue }, signal);
  } finally {
    delete post.queue;
  }
}

/**
 * Runs controllers until the signal aborts: caches at once, so that a standby is warm, the
 * controllers while this process leads. Everything has ended when it resolves.
 *
 * @throws Error when two controllers own the same thing; nothing has started then.
 */
export async function runManager(
  builders: readonly BuildController[],
  options: ManagerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, election, recorder, metrics = createMetrics() } = options;
  const log = scopedLog(options.log);
  const shared = createSharedCaches({ client, clock, log });
  const fenced = fencedClient(client);
  const posts = build(builders, shared, { ...options, client: fenced.client, log });
  const work = async (signal: AbortSignal, term?: Term): Promise<void> => {
    if (term !== undefined) fenced.enter(term);
    await Promise.all(posts.map((post) => serve(post, { clock, log, metrics }, signal)));
  };
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const background = Promise.all([
    shared.run(stop.signal),
    recorder.run(stop.signal),
    ...posts.map((post) => post.controller.findSources?.(follower(post, shared), stop.signal)),
  ]);
  background.catch((err: unknown) => stop.abort(err)); // a bug there must not be survived half alive
  try {
    await (election === undefined
      ? work(stop.signal)
      : lead({ ...election, client, clock, log }, stop.signal, work));
  } finally {
    onAbort();
    signal.removeEventListener("abort", onAbort);
    await background;
  }
}
