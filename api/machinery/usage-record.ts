import { formatTime } from "./time.ts";

/** What a namespace used and asked for on one Node, over some time. */
export type UsageAmounts = {
  readonly cpuSeconds: number;
  readonly memoryGibSeconds: number;
  /** By the requests of what ran, whether it used that or not. */
  readonly requestedCpuSeconds: number;
  readonly requestedMemoryGibSeconds: number;
};

/** Where the records are: ConfigMaps, one for each Node and month. */
export const usageNamespace = "lighthouse-system";

const dayPrefix = "day.";
const nameShape = /^usage\.(.+)\.(\d{4}-\d{2})$/;
const fields = [
  "cpuSeconds",
  "memoryGibSeconds",
  "requestedCpuSeconds",
  "requestedMemoryGibSeconds",
] as const;

/** Name of the record of a Node for a month such as `2026-11`. */
export function usageRecordName(nodeName: string, month: string): string {
  return `usage.${nodeName}.${month}`;
}

/** The Node that a record is about; `undefined` for names that are none of a record. */
export function nodeOfUsageRecord(name: string): string | undefined {
  return nameShape.exec(name)?.[1];
}

/** Day and month (UTC) of a moment, e.g. `2026-11-21` and `2026-11`. */
export function usageDay(ms: number): { readonly day: string; readonly month: string } {
  const day = formatTime(ms).slice(0, 10);
  return { day, month: day.slice(0, 7) };
}

/** Both together. */
export function addUsage(one: UsageAmounts | undefined, other: UsageAmounts): UsageAmounts {
  if (one === undefined) return other;
  return {
    cpuSeconds: one.cpuSeconds + other.cpuSeconds,
    memoryGibSeconds: one.memoryGibSeconds + other.memoryGibSeconds,
    requestedCpuSeconds: one.requestedCpuSeconds + other.requestedCpuSeconds,
    requestedMemoryGibSeconds: one.requestedMemoryGibSeconds + other.requestedMemoryGibSeconds,
  };
}

/** Amounts of one day by namespace. */
export type DayUsage = ReadonlyMap<string, UsageAmounts>;

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

/** Key and value of a record for one day. */
export function writeUsageDay(day: string, usage: DayUsage): readonly [string, string] {
  const rows = [...usage].map(([namespace, amounts]) => [
    namespace,
    fields.map((field) => rounded(amounts[field])),
  ]);
  return [dayPrefix + day, JSON.stringify(Object.fromEntries(rows))];
}

function readAmounts(value: unknown): UsageAmounts | undefined {
  const isRow = Array.isArray(value) && value.length === fields.length;
  if (!isRow || !value.every((one) => typeof one === "number" && one >= 0)) return undefined;
  const [cpuSeconds = 0, memoryGibSeconds = 0, requestedCpuSeconds = 0, last = 0] =
    value as readonly number[];
  const requested = { requestedCpuSeconds, requestedMemoryGibSeconds: last };
  return { cpuSeconds, memoryGibSeconds, ...requested };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // somebody else wrote there: what is not ours counts nothing
  }
}

/** The days of a record that can be read, by day. */
export function readUsageDays(
  data: Readonly<Record<string, string>> | undefined,
): ReadonlyMap<string, DayUsage> {
  const days = new Map<string, DayUsage>();
  for (const [key, text] of Object.entries(data ?? {})) {
    const value = key.startsWith(dayPrefix) ? parsed(text) : undefined;
    if (typeof value !== "object" || value === null) continue;
    const rows = Object.entries(value).flatMap(([namespace, row]) => {
      const amounts = readAmounts(row);
      return amounts === undefined ? [] : [[namespace, amounts] as const];
    });
    days.set(key.slice(dayPrefix.length), new Map(rows));
  }
  return days;
}
