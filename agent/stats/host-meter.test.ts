import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHostMeter, hostMeterOf, type ProcFiles } from "./host-meter.ts";

let dir = "";
let files: ProcFiles = { stat: "", meminfo: "", netDev: "" };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "lighthouse-proc-"));
  files = { stat: join(dir, "stat"), meminfo: join(dir, "meminfo"), netDev: join(dir, "dev") };
  await writeFile(
    files.stat,
    "cpu  100 20 30 4000 50 6 7 8 9 0\ncpu0 1 1 1 1 1 1 1 1 1 1\nbtime 1700000000\n",
  );
  await writeFile(
    files.meminfo,
    "MemTotal:       1000 kB\nMemFree:         400 kB\nInactive(file):  100 kB\nAnonPages:       200 kB\n",
  );
  await writeFile(
    files.netDev,
    [
      "Inter-|   Receive                                                |  Transmit",
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop",
      "    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0",
      "  eth0: 10 2 3 4 0 0 0 0 50 6 7 8 0 0 0 0",
      "vethab12: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0",
      "",
    ].join("\n"),
  );
});

afterAll(() => rm(dir, { recursive: true, force: true }));

test("createHostMeter() reads what is not idle, and memory as the kubelet does", async () => {
  expect(await createHostMeter(() => 5, files)()).toEqual({
    atMs: 5,
    cpuNanos: 163 * 10_000_000,
    bootedAtMs: 1_700_000_000_000,
    memory: {
      totalBytes: 1000 * 1024,
      usageBytes: 600 * 1024,
      workingSetBytes: 500 * 1024,
      rssBytes: 200 * 1024,
    },
    interfaces: [
      {
        name: "eth0",
        receivedBytes: 10,
        receivedPackets: 2,
        receivedErrors: 3,
        receivedDropped: 4,
        sentBytes: 50,
        sentPackets: 6,
        sentErrors: 7,
        sentDropped: 8,
      },
    ],
  });
});

test("hostMeterOf() finds only the engine's own machine", async () => {
  const here = { kernel: release(), memoryBytes: 1000 * 1024, simulated: false };
  const found = (info: typeof here, given = files) => hostMeterOf(info, () => 5, given);
  expect(await found(here)).toBeDefined();
  expect(await found({ ...here, kernel: "1.0" })).toBeUndefined();
  expect(await found({ ...here, memoryBytes: 1 })).toBeUndefined();
  expect(await found({ ...here, simulated: true })).toBeUndefined();
  expect(await found(here, { ...files, stat: join(dir, "absent") })).toBeUndefined();
});
