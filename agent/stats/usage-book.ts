import type { Client } from "../../api/client/client.ts";
import { configMaps } from "../../api/machinery/resources.ts";
import {
  readUsageDays,
  usageDay,
  usageNamespace,
  usageRecordName,
  writeUsageDay,
} from "../../api/machinery/usage-record.ts";
import { label } from "../../crds/labels.ts";
import type { Counted, Ledger } from "./ledger.ts";

/** Where a ledger outlasts its agent. */
export interface UsageBook {
  /** The ledger as it was saved last; `undefined` when there never was one. */
  load(nowMs: number, signal: AbortSignal): Promise<Ledger | undefined>;
  /** Writes the month of `nowMs` in one piece: amounts, and how far they are counted. */
  save(ledger: Ledger, nowMs: number): Promise<void>;
}

type Data = Readonly<Record<string, string>>;

/** How far runs are counted, next to the days of a record. */
const countedKey = "counted";
const sinceKey = "since";

function writeCounted(counted: ReadonlyMap<string, Counted>): string {
  const rows = [...counted].map(([run, { atMs, cpuNanos }]) => [run, [atMs, cpuNanos]]);
  return JSON.stringify(Object.fromEntries(rows));
}

function readCounted(text: string | undefined): ReadonlyMap<string, Counted> {
  const counted = new Map<string, Counted>();
  for (const [run, row] of Object.entries(JSON.parse(text ?? "{}") as object)) {
    const [atMs, cpuNanos] = row as readonly unknown[];
    if (typeof atMs !== "number" || typeof cpuNanos !== "number")
      throw new Error(`Cannot read how far ${run} is counted: ${JSON.stringify(row)}`);
    counted.set(run, { atMs, cpuNanos });
  }
  return counted;
}

/** The first moment of the month before. */
function monthBefore(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1);
}

function toLedger(data: Data, month: string): Ledger {
  const days = [...readUsageDays(data)].filter(([day]) => day.startsWith(month));
  return {
    sinceMs: Number(data[sinceKey] ?? 0),
    days: new Map(days),
    counted: readCounted(data[countedKey]),
  };
}

/** Keeps the ledger of one Node in ConfigMaps, one for each month, see {@link usageRecordName}. */
export function createUsageBook(client: Client, nodeName: string): UsageBook {
  const keyOf = (month: string) => ({
    namespace: usageNamespace,
    name: usageRecordName(nodeName, month),
  });
  return {
    async load(nowMs, signal) {
      const { month } = usageDay(nowMs);
      for (const at of [nowMs, monthBefore(nowMs)]) {
        const found = await client.get(configMaps, keyOf(usageDay(at).month), signal);
        if (found?.data !== undefined) return toLedger(found.data, month);
      }
      return undefined;
    },
    async save(ledger, nowMs) {
      const { month } = usageDay(nowMs);
      const days = [...ledger.days].filter(([day]) => day.startsWith(month));
      const body = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { ...keyOf(month), labels: { [label.usage]: "true" } },
        data: {
          ...Object.fromEntries(days.map(([day, usage]) => writeUsageDay(day, usage))),
          [countedKey]: writeCounted(ledger.counted),
          [sinceKey]: String(ledger.sinceMs),
        },
      };
      // Applying makes it too: whether it is there need not be known.
      await client.patch(configMaps, keyOf(month), { type: "apply", body, force: true });
    },
  };
}
