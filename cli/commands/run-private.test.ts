import { afterEach, expect, test } from "vitest";
import { keepMemoryPrivate } from "./run-private.ts";

afterEach(() => {
  process.removeAllListeners("SIGUSR1");
});

test("keepMemoryPrivate() leaves the environment out of reports", () => {
  process.env["LIGHTHOUSE_CANARY"] = "canary";
  keepMemoryPrivate();
  const report = JSON.stringify(process.report.getReport());
  delete process.env["LIGHTHOUSE_CANARY"];
  expect(report).not.toContain("canary");
});

test("keepMemoryPrivate() takes the signal that would open a debugger, once", () => {
  keepMemoryPrivate();
  keepMemoryPrivate();
  expect(process.listenerCount("SIGUSR1")).toBe(1);
});
