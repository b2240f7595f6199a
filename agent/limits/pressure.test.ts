import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { pressuresOf, readDisk, readMachine, type Readings } from "./pressure.ts";

const mebibyte = 1024 ** 2;
const disk = (usedBytes: number): Readings => ({ disk: { usedBytes, totalBytes: 100 } });
const none = new Set<never>();

test.each<[string, Readings, string, string]>([
  ["a disk with a tenth left", disk(90), "DiskPressure", "False"],
  ["a disk with less", disk(91), "DiskPressure", "True"],
  ["memory enough", { memoryFreeBytes: 100 * mebibyte }, "MemoryPressure", "False"],
  ["little memory", { memoryFreeBytes: 99 * mebibyte }, "MemoryPressure", "True"],
  ["few processes", { processes: { used: 1, most: 100 } }, "PIDPressure", "False"],
  ["too many processes", { processes: { used: 95, most: 100 } }, "PIDPressure", "True"],
])("pressuresOf() with %s", (_what, readings, type, status) => {
  expect(pressuresOf(readings, none)).toMatchObject([{ type, status }]);
});

test("pressuresOf() says nothing of what nobody could read", () => {
  expect(pressuresOf({}, none)).toEqual([]);
  expect(pressuresOf({ disk: { usedBytes: 0, totalBytes: 0 } }, none)).toEqual([]);
});

test("pressuresOf() takes pressure back once it is clearly better", () => {
  const under = new Set(["DiskPressure"] as const);
  expect(pressuresOf(disk(89), under)).toMatchObject([{ status: "True" }]);
  expect(pressuresOf(disk(88), under)).toMatchObject([{ status: "False" }]);
});

test("readDisk() and readMachine() read this machine", async () => {
  const { usedBytes = 0, totalBytes = 0 } = (await readDisk(tmpdir())) ?? {};
  expect(totalBytes).toBeGreaterThan(usedBytes);
  expect(await readDisk("/absent/path")).toBeUndefined();
  const { memoryFreeBytes = 0, processes } = await readMachine();
  expect(memoryFreeBytes).toBeGreaterThan(0);
  expect(processes?.most).toBeGreaterThan(processes?.used ?? 0);
});
