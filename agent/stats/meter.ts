import type { Clock } from "../../api/machinery/clock.ts";
import {
  addUsage,
  type DayUsage,
  usageDay,
  type UsageAmounts,
} from "../../api/machinery/usage-record.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { pause, persist } from "../persist.ts";
import type { MetricFamily } from "./exposition.ts";
import { account, emptyLedger, type Ledger } from "./ledger.ts";
import type { Sampler } from "./sampler.ts";
import type { UsageBook } from "./usage-book.ts";

/** What is metered, how, and where it is kept. */
export type MeterOptions = {
  readonly sampler: Pick<Sampler, "sample">;
  readonly book: UsageBook;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  /** Whether the host has containers of Pods: without any the engine is left alone. */
  readonly hasPods: () => boolean;
};

/** Counts what namespaces use on one host. */
export interface Meter {
  /** Samples now and then until the signal aborts; never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** What was counted since the agent began, for a scrape of this Node. */
  families(): readonly MetricFamily[];
}

/** Between two samples. What a container uses between the last one and its end is not counted. */
const sampleMs = 60_000;
/** Between two writes to the API: see the error bound in docs/observability.md. */
const saveMs = 300_000;

const metrics: readonly (readonly [keyof UsageAmounts, string, string])[] = [
  ["cpuSeconds", "lighthouse_usage_cpu_core_seconds_total", "CPU time used by the Pods"],
  [
    "memoryGibSeconds",
    "lighthouse_usage_memory_gibibyte_seconds_total",
    "Working set over time of the Pods",
  ],
  [
    "requestedCpuSeconds",
    "lighthouse_usage_requested_cpu_core_seconds_total",
    "CPU requests over time of the Pods",
  ],
  [
    "requestedMemoryGibSeconds",
    "lighthouse_usage_requested_memory_gibibyte_seconds_total",
    "Memory requests over time of the Pods",
  ],
];

class HostMeter implements Meter {
  readonly #options: MeterOptions;
  #ledger: Ledger | undefined;
  #total: DayUsage = new Map();
  #savedAtMs = 0;
  #isSaved = true;

  constructor(options: MeterOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, book, nodeName } = this.#options;
    const what = `read what namespaces used on ${nodeName}`;
    const found = await persist(what, { clock, log, signal }, async () => ({
      ledger: await book.load(clock.nowMs(), signal),
    }));
    this.#ledger = found?.ledger ?? emptyLedger(clock.nowMs());
    this.#savedAtMs = clock.nowMs();
    while (!signal.aborted) {
      await pause(sampleMs, { clock, signal });
      if (signal.aborted) return;
      await this.#count(signal).catch((err: unknown) => {
        if (!signal.aborted) log.debug({ err, node: nodeName }, "cannot meter; trying again");
      });
      await this.#save().catch((err: unknown) => {
        if (!signal.aborted) log.warn({ err, node: nodeName }, "cannot save what was metered");
      });
    }
  }

  families(): readonly MetricFamily[] {
    return metrics.map(([field, name, help]) => ({
      name,
      help: `${help} of a namespace on this node since the agent began.`,
      type: "counter",
      series: [...this.#total].map(([namespace, amounts]) => ({
        labels: { namespace },
        value: amounts[field],
      })),
    }));
  }

  async #count(signal: AbortSignal): Promise<void> {
    const { sampler, hasPods } = this.#options;
    if (this.#ledger === undefined || !hasPods()) return;
    const sample = await sampler.sample(signal);
    // What belongs to yesterday is written with yesterday, before the ledger moves on.
    if (usageDay(sample.atMs).month !== usageDay(this.#savedAtMs).month) await this.#save(true);
    const { ledger, added } = account(this.#ledger, sample);
    this.#ledger = ledger;
    this.#isSaved = false;
    const total = new Map(this.#total);
    for (const [namespace, amounts] of added)
      total.set(namespace, addUsage(total.get(namespace), amounts));
    this.#total = total;
  }

  async #save(atOnce = false): Promise<void> {
    const { clock, book } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#ledger === undefined || this.#isSaved) return;
    if (!atOnce && nowMs - this.#savedAtMs < saveMs) return;
    await book.save(this.#ledger, atOnce ? this.#savedAtMs : nowMs);
    this.#isSaved = true;
    this.#savedAtMs = nowMs;
  }
}

/** A meter that is yet to run. */
export function createMeter(options: MeterOptions): Meter {
  return new HostMeter(options);
}
