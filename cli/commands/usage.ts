import { configMaps } from "../../api/machinery/resources.ts";
import {
  addUsage,
  readUsageDays,
  usageDay,
  usageNamespace,
  type UsageAmounts,
} from "../../api/machinery/usage-record.ts";
import { label } from "../../crds/labels.ts";
import { type Call, Misuse, type Run, text } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { formatTable } from "../output.ts";

const dayMs = 86_400_000;

/** The first day that counts. @throws Misuse */
function firstDay({ flags, io }: Call): string {
  const since = text(flags, "since") ?? "30d";
  const days = /^(\d{1,5})d$/.exec(since)?.[1];
  if (days !== undefined) return usageDay(io.clock.nowMs() - (Number(days) - 1) * dayMs).day;
  if (/^\d{4}-\d{2}-\d{2}$/.test(since) && !Number.isNaN(Date.parse(since))) return since;
  throw new Misuse(`--since must be days such as 7d, or a day such as 2026-11-21, is "${since}"`);
}

const hours = (seconds: number): string => (seconds / 3600).toFixed(2);

function row(namespace: string, amounts: UsageAmounts): readonly string[] {
  return [
    namespace,
    hours(amounts.cpuSeconds),
    hours(amounts.requestedCpuSeconds),
    hours(amounts.memoryGibSeconds),
    hours(amounts.requestedMemoryGibSeconds),
  ];
}

function toDocument(namespace: string, amounts: UsageAmounts): object {
  // A microhour is less than any amount is off by.
  const exact = (seconds: number): number => Math.round((seconds / 3600) * 1e6) / 1e6;
  return {
    namespace,
    cpuHours: exact(amounts.cpuSeconds),
    requestedCpuHours: exact(amounts.requestedCpuSeconds),
    memoryGibHours: exact(amounts.memoryGibSeconds),
    requestedMemoryGibHours: exact(amounts.requestedMemoryGibSeconds),
  };
}

/** `lighthouse usage`: what namespaces used on all Nodes together. */
export const runUsage: Run = async (call) => {
  const first = firstDay(call);
  const only = text(call.flags, "namespace");
  const { client } = await call.connect();
  const select = { namespace: usageNamespace, labelSelector: `${label.usage}=true` };
  const { items } = await client.list(configMaps, select, call.signal);
  const sums = new Map<string, UsageAmounts>();
  const days = items.flatMap(({ data }) => [...readUsageDays(data)]);
  const rows = days.filter(([day]) => day >= first).flatMap(([, usage]) => [...usage]);
  for (const [namespace, amounts] of rows)
    if (only === undefined || namespace === only)
      sums.set(namespace, addUsage(sums.get(namespace), amounts));
  const sorted = [...sums].sort(([one], [two]) => (one < two ? -1 : 1));
  const format = text(call.flags, "output");
  if (isDocumentFormat(format)) {
    const namespaces = sorted.map(([name, amounts]) => toDocument(name, amounts));
    call.io.out(documentText(format, { since: first, namespaces }));
    return 0;
  }
  const title = ["NAMESPACE", "CPU·H", "CPU·H REQUESTED", "GIB·H", "GIB·H REQUESTED"];
  if (sorted.length === 0) call.io.err(`Nothing was metered since ${first}\n`);
  else call.io.out(formatTable([title, ...sorted.map(([name, amounts]) => row(name, amounts))]));
  return 0;
};
