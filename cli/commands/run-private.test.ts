import { afterEach, expect, test } from "vitest";
import { readLongYaml } from "../../api/server/objects/yaml-thread.ts";
import { keepMemoryPrivate } from "./run-private.ts";

afterEach(() => {
  process.removeAllListeners("SIGUSR1");
});

test("keepMemoryPrivate() leaves the environment out of reports, also of the thread that reads YAML", async () => {
  process.env["LIGHTHOUSE_CANARY"] = "canary";
  keepMemoryPrivate();
  await readLongYaml("application/yaml", Buffer.from(`a: |\n  ${"text ".repeat(2_000)}`));
  const report = JSON.stringify(process.report.getReport());
  delete process.env["LIGHTHOUSE_CANARY"];
  expect(report).not.toContain("canary");
});

test("keepMemoryPrivate() takes the signal that would open a debugger, once", () => {
  keepMemoryPrivate();
  keepMemoryPrivate();
  expect(process.listenerCount("SIGUSR1")).toBe(1);
});
