import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../api/client/create-client.ts";
import type { UsageAmounts } from "../../api/machinery/usage-record.ts";
import type { Ledger } from "../../agent/stats/ledger.ts";
import { createUsageBook } from "../../agent/stats/usage-book.ts";
import { type Env, startEnv } from "../../test/kit/env.ts";
import type { Io } from "../command.ts";
import { commands } from "../commands.ts";
import { invoke } from "../main.ts";
import { parse } from "../program.ts";

const nowMs = Date.UTC(2026, 10, 21, 12);
let env: Env;

const clientOf = ({ admin }: Env) => createClient({ ...admin, fieldManager: "lighthouse-agent" });

const amounts = (hours: number): UsageAmounts => ({
  cpuSeconds: hours * 3600,
  memoryGibSeconds: hours * 7200,
  requestedCpuSeconds: hours * 1800,
  requestedMemoryGibSeconds: hours * 360,
});

const ledgerOf = (hours: number): Ledger => ({
  sinceMs: 7,
  days: new Map([
    ["2026-11-01", new Map([["old", amounts(5)]])],
    [
      "2026-11-21",
      new Map([
        ["shop", amounts(hours)],
        ["db", amounts(10)],
      ]),
    ],
  ]),
  counted: new Map([["a.1", { atMs: 2, cpuNanos: 3 }]]),
});

beforeAll(async () => {
  env = await startEnv();
  await using client = clientOf(env);
  for (const [node, hours] of [
    ["n1", 1],
    ["n2.example.com", 2],
  ] as const)
    await createUsageBook(client, node).save(ledgerOf(hours), nowMs);
});
afterAll(() => env.stop());

async function lighthouse(...line: readonly string[]) {
  const said = { out: "", err: "" };
  const io: Io = {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    isTerminal: false,
    color: false,
    env: { KUBECONFIG: env.kubeconfig },
    readStdin: () => Promise.resolve(""),
    clock: { nowMs: () => nowMs },
  };
  const invocation = parse(commands, line, io);
  if (typeof invocation === "number") return { code: invocation, ...said };
  const code = await invoke(invocation, { io, signal: AbortSignal.timeout(10_000) });
  return { code, ...said };
}

test("a book replaces what it kept, and goes on in the next month", async () => {
  await using client = clientOf(env);
  const book = createUsageBook(client, "n1");
  const ledger = ledgerOf(1);
  const { signal } = new AbortController();
  await book.save(ledger, nowMs);
  expect(await book.load(nowMs, signal)).toEqual(ledger);
  expect(await book.load(Date.UTC(2026, 11, 1), signal)).toEqual({ ...ledger, days: new Map() });
  expect(await book.load(Date.UTC(2027, 5, 1), signal)).toBeUndefined();
});

test("usage adds up the Nodes", async () => {
  const { code, out } = await lighthouse("usage", "--since", "7d");
  expect(code).toBe(0);
  expect(out.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    ["NAMESPACE", "CPU·H", "CPU·H REQUESTED", "GIB·H", "GIB·H REQUESTED"],
    ["db", "20.00", "10.00", "40.00", "2.00"],
    ["shop", "3.00", "1.50", "6.00", "0.30"],
    [""],
  ]);
});

test("usage shows one namespace, and days before", async () => {
  const { out } = await lighthouse("usage", "-n", "shop", "-o", "json");
  expect(JSON.parse(out)).toEqual({
    since: "2026-10-23",
    namespaces: [
      {
        namespace: "shop",
        cpuHours: 3,
        requestedCpuHours: 1.5,
        memoryGibHours: 6,
        requestedMemoryGibHours: 0.3,
      },
    ],
  });
  expect((await lighthouse("usage", "--since", "2026-11-01")).out).toContain("old ");
});

test("usage says when there is nothing, and what it does not understand", async () => {
  const none = await lighthouse("usage", "-n", "absent");
  expect(none).toEqual({ code: 0, out: "", err: "Nothing was metered since 2026-10-23\n" });
  const wrong = await lighthouse("usage", "--since", "yesterday");
  expect(wrong.code).toBe(2);
  expect(wrong.err).toContain("--since must be days such as 7d, or a day such as 2026-11-21");
});
