import {
  addUsage,
  type DayUsage,
  usageDay,
  type UsageAmounts,
} from "../../api/machinery/usage-record.ts";
import type { MeasuredContainer, Sample } from "./sample.ts";

/** How far one run of a container has been counted. */
export type Counted = { readonly atMs: number; readonly cpuNanos: number };

/** What namespaces used on one host, and how far that is counted: the two belong together. */
export type Ledger = {
  /** When counting began on this host: what was started before has no known beginning. */
  readonly sinceMs: number;
  /** By day, e.g. `2026-11-21`. */
  readonly days: ReadonlyMap<string, DayUsage>;
  /** By run of a container, see {@link runOf}. */
  readonly counted: ReadonlyMap<string, Counted>;
};

/** A ledger that begins now. */
export function emptyLedger(nowMs: number): Ledger {
  return { sinceMs: nowMs, days: new Map(), counted: new Map() };
}

const idLength = 12;

/** One start of a container: counters begin anew with each. */
export function runOf({ id, startedAtMs }: Pick<MeasuredContainer, "id" | "startedAtMs">): string {
  return `${id.slice(0, idLength)}.${startedAtMs}`;
}

const gib = 1024 ** 3;
const sharesOfOneCpu = 1024;
/** The kernel knows no fewer: they stand for no request. */
const leastShares = 2;
/** Memory that was not looked at for longer is not counted: nobody knows what it was. Milliseconds. */
const longestGapMs = 300_000;

function amountsSince(
  { limits, stats }: MeasuredContainer,
  { atMs, cpuNanos }: Counted,
): UsageAmounts {
  const ms = Math.max(0, stats.atMs - atMs);
  const shares = limits.cpuShares > leastShares ? limits.cpuShares : 0;
  return {
    cpuSeconds: Math.max(0, stats.cpuNanos - cpuNanos) / 1e9,
    memoryGibSeconds: (stats.memory.workingSetBytes / gib) * (Math.min(ms, longestGapMs) / 1000),
    requestedCpuSeconds: (shares / sharesOfOneCpu) * (ms / 1000),
    requestedMemoryGibSeconds: (limits.memoryReservationBytes / gib) * (ms / 1000),
  };
}

/** A run that is not seen for a moment may be back, and must not be counted from its start again. */
const forgetMs = 600_000;

/** How far runs are counted that the sample does not show, as long as they may come back. */
function absentRuns({ counted }: Ledger, { containers, silent }: Sample): Map<string, Counted> {
  const ids = new Set(silent.map((id) => id.slice(0, idLength)));
  const newestMs = Math.max(0, ...containers.map(({ stats }) => stats.atMs));
  const kept = [...counted].filter(
    ([run, { atMs }]) => ids.has(run.slice(0, idLength)) || newestMs - atMs <= forgetMs,
  );
  return new Map(kept);
}

/**
 * The ledger after a sample. Every run is counted from where it was counted to, or from its start if
 * that was after `sinceMs`; foreign containers are nobody's. Pure: the same sample twice adds nothing.
 */
export function account(
  ledger: Ledger,
  sample: Sample,
): { readonly ledger: Ledger; readonly added: DayUsage } {
  const added = new Map<string, UsageAmounts>();
  const counted = absentRuns(ledger, sample);
  for (const container of sample.containers) {
    if (container.part === undefined) continue;
    const { stats, startedAtMs, part } = container;
    const run = runOf(container);
    const now: Counted = { atMs: stats.atMs, cpuNanos: stats.cpuNanos };
    const start: Counted = { atMs: startedAtMs, cpuNanos: 0 };
    const before = ledger.counted.get(run) ?? (startedAtMs >= ledger.sinceMs ? start : now);
    counted.set(run, now.atMs >= before.atMs ? now : before);
    added.set(part.namespace, addUsage(added.get(part.namespace), amountsSince(container, before)));
  }
  const { day } = usageDay(sample.atMs);
  const today = new Map(ledger.days.get(day));
  for (const [namespace, amounts] of added)
    today.set(namespace, addUsage(today.get(namespace), amounts));
  const days = today.size === 0 ? ledger.days : new Map([...ledger.days, [day, today]]);
  return { ledger: { sinceMs: ledger.sinceMs, days, counted }, added };
}
