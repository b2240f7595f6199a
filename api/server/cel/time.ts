import { textFormat } from "../../machinery/schema-format.ts";
import { costs } from "./cost.ts";
import type { FunctionEntry } from "./function-table.ts";
import { CelDuration, CelError, CelTimestamp } from "./value.ts";

const isDateTime = textFormat("date-time") ?? (() => false);

/** RFC 3339. @throws CelError */
export function timestampFromText(text: string): CelTimestamp {
  const ms = isDateTime(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new CelError(`invalid timestamp: ${JSON.stringify(text)}`);
  return new CelTimestamp(ms);
}

/** RFC 3339 in UTC, without a fraction of zero. */
export function timestampText({ ms }: CelTimestamp): string {
  return new Date(ms).toISOString().replace(/\.?0*Z$/, "Z");
}

const unitNanos: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

/** Go's form, e.g. `1h30m`; days and weeks as in schemas only when `long`. @throws CelError */
export function durationFromText(text: string): CelDuration {
  const sign = text.startsWith("-") ? -1n : 1n;
  const body = text.replace(/^[-+]/, "");
  if (body === "0") return new CelDuration(0n);
  const parts = [...body.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy)];
  const read = parts.reduce((length, [part]) => length + part.length, 0);
  if (parts.length === 0 || read !== body.length)
    throw new CelError(`time: invalid duration ${JSON.stringify(text)}`);
  let nanos = 0n;
  for (const [, amount = "0", unit = "ns"] of parts) nanos += scaled(amount, unitNanos[unit] ?? 1n);
  return new CelDuration(sign * nanos);
}

function scaled(amount: string, unit: bigint): bigint {
  const [whole = "", fraction = ""] = amount.split(".");
  const digits = fraction.slice(0, 18);
  const part = digits === "" ? 0n : (BigInt(digits) * unit) / 10n ** BigInt(digits.length);
  return BigInt(whole === "" ? "0" : whole) * unit + part;
}

/** Seconds with a fraction, e.g. `5400s`. */
export function durationText({ nanos }: CelDuration): string {
  const seconds = nanos / 1_000_000_000n;
  const rest = (nanos < 0n ? -nanos : nanos) % 1_000_000_000n;
  const sign = nanos < 0n && seconds === 0n ? "-" : "";
  const fraction = rest === 0n ? "" : `.${String(rest).padStart(9, "0").replace(/0+$/, "")}`;
  return `${sign}${seconds}${fraction}s`;
}

const offset = /^([-+]?)(\d\d):(\d\d)$/;

/** The same moment with the clock of a zone: a name such as `Europe/Paris`, or `+02:00`. */
function inZone({ ms }: CelTimestamp, zone: string): Date {
  const match = offset.exec(zone);
  if (match !== null) {
    const [, sign = "", hours = "0", minutes = "0"] = match;
    const shift = (Number(hours) * 60 + Number(minutes)) * 60_000;
    return new Date(ms + (sign === "-" ? -shift : shift));
  }
  try {
    const parts = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    }).formatToParts(ms);
    const part = (type: string): number =>
      Number(parts.find((one) => one.type === type)?.value ?? 0);
    const at = [
      part("month") - 1,
      part("day"),
      part("hour"),
      part("minute"),
      part("second"),
    ] as const;
    return new Date(Date.UTC(part("year"), ...at, new Date(ms).getUTCMilliseconds()));
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
}

const dayOfYear = (date: Date): number =>
  Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000);

const readers: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: dayOfYear,
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
};

const totals: Readonly<Record<string, bigint>> = {
  getHours: 3_600_000_000_000n,
  getMinutes: 60_000_000_000n,
  getSeconds: 1_000_000_000n,
  getMilliseconds: 1_000_000n,
};

/** Parts of times and durations. */
export const timeFunctions: readonly FunctionEntry[] = [
  ...Object.entries(readers).flatMap(([name, read]): FunctionEntry[] => [
    [`timestamp.${name}(): int`, (at: CelTimestamp) => BigInt(read(new Date(at.ms)))],
    [
      `timestamp.${name}(string): int`,
      (at: CelTimestamp, zone: string) => BigInt(read(inZone(at, zone))),
      costs.one,
      costs.inZone,
    ],
  ]),
  ...Object.entries(totals).map(([name, unit]): FunctionEntry => [
    `duration.${name}(): int`,
    ({ nanos }: CelDuration) => nanos / unit,
  ]),
];
