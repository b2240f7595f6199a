import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clouds, openClouds } from "../kit/clouds.ts";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { type Registry, startRegistry } from "../kit/registry.ts";
import { run } from "../kit/run.ts";

describe.skipIf(skipWithoutDockerd())("two clouds that let nothing in", () => {
  let clouds: Clouds;
  let registry: Registry;

  beforeAll(async () => {
    clouds = await openClouds({
      registry: async ({ address }) => {
        registry = await startRegistry(address);
        return registry.address;
      },
    });
  });
  afterAll(async () => {
    await clouds[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  test("a gateway drops what comes from outside", async () => {
    const [east] = clouds.clouds;
    const gateway = east?.gateway.outside.address ?? "";
    const before = await east?.gateway.refused();
    const { code } = await run(["busybox", "nc", "-w", "1", gateway, "2376"]);
    expect(code).not.toBe(0);
    expect(await east?.gateway.refused()).toBeGreaterThan(before ?? 0);
  });
});
