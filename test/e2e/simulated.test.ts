import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startLighthouse } from "../kit/lighthouse.ts";

const examples = join(import.meta.dirname, "..", "..", "manifests", "examples");

test("lighthouse up --simulate says so loudly, rolls out and rolls back", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "lighthouse-sim-"));
  try {
    await using lighthouse = await startLighthouse({ dataDir, docker: [], args: ["--simulate"] });
    expect(lighthouse.output()).toContain("SIMULATED: no Docker Engine is used");
    const apply = (file: string) =>
      lighthouse.cli(["apply", "-f", join(examples, file), "--wait"], { timeoutMs: 90_000 });
    expect(await apply("web.yaml")).toMatchObject({ code: 0 });
    const broken = await apply("web-broken.yaml");
    expect(broken.code).toBe(1);
    expect(broken.stdout).toContain("rolled back, web-1 runs again");
    const { stdout } = await lighthouse.cli(["get", "nodes", "-o", "yaml"]);
    expect(stdout).toContain("simulated");
    expect(await lighthouse.stop("SIGINT")).toBe(0);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
