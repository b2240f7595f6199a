import { randomUUID } from "node:crypto";
import type { Clock } from "../../api/machinery/clock.ts";
import { isConflict } from "../../api/machinery/errors.ts";
import { keyText, type ObjectKey } from "../../api/machinery/object.ts";
import type { Metrics } from "./metrics.ts";
import type { Queue } from "./queue.ts";
import type { Controller, Log } from "./reconciler.ts";
import { withLogFields } from "./scoped-log.ts";
import { isTerminal } from "./terminal.ts";

/** What working off a queue needs of the world. `log` is a scoped one. */
export type WorkOptions = {
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

const defaultWorkers = 4;

type Outcome = "success" | "requeue_after" | "conflict" | "error" | "terminal_error" | "stopped";

/** Sees to the key's future; what happened to it is the answer. */
async function reconcileOnce(
  { reconciler }: Controller,
  key: ObjectKey,
  { queue, log }: WorkOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const { requeueAfterMs } = await reconciler.reconcile(key, signal);
    queue.forget(key);
    if (requeueAfterMs === undefined) return "success";
    queue.addAfter(key, requeueAfterMs);
    return "requeue_after";
  } catch (err) {
    if (signal.aborted) return "stopped";
    if (isTerminal(err)) {
      queue.forget(key);
      log.error({ err }, "reconcile failed for good; waiting for a change");
      return "terminal_error";
    }
    const retryMs = queue.retry(key);
    if (isConflict(err)) {
      log.debug({ err, retryMs }, "reconcile met a newer object");
      return "conflict";
    }
    log.error({ err, retryMs }, "reconcile failed");
    return "error";
  }
}

async function work(
  controller: Controller,
  options: WorkOptions,
  signal: AbortSignal,
): Promise<void> {
  const { queue, clock, metrics } = options;
  const labels = { controller: controller.name };
  for (;;) {
    const key = await queue.take(signal);
    if (key === undefined) return;
    const startMs = clock.nowMs();
    const fields = { controller: controller.name, object: keyText(key), reconcileId: randomUUID() };
    const outcome = await withLogFields(fields, () =>
      reconcileOnce(controller, key, options, signal),
    );
    queue.done(key);
    metrics.count("lighthouse_reconcile_total", { ...labels, outcome });
    const seconds = (clock.nowMs() - startMs) / 1_000;
    metrics.count("lighthouse_reconcile_seconds_total", labels, seconds);
    metrics.set("lighthouse_queue_depth", labels, queue.depth);
  }
}

/**
 * Works off the queue until the signal aborts; resolves when the last reconcile has returned. A
 * failing key is retried with back-off and never stops the others.
 */
export async function runController(
  controller: Controller,
  options: WorkOptions,
  signal: AbortSignal,
): Promise<void> {
  const workers = Array.from({ length: controller.workers ?? defaultWorkers }, () =>
    work(controller, options, signal),
  );
  await Promise.all(workers);
}
