import { expect, test } from "vitest";
import { testImages } from "../kit/images.ts";
import type { Start } from "./engine-kit.ts";

/** What the agent measures and corrects beside the lives of containers. */
export function engineUpkeep(start: Start): void {
  test("upkeep.storage() tells how layers are kept", async () => {
    const { driver, facts } = await start().engine.upkeep.storage();
    expect(driver).not.toBe("");
    expect(Object.values(facts).every((value) => typeof value === "string")).toBe(true);
  });

  test("upkeep.placeOf() tells pid, labels and CPUs; pin() keeps it to some", async () => {
    const { engine, run } = start();
    const id = await run({ Labels: { app: "web" } });
    const before = await engine.upkeep.placeOf(id);
    expect(before).toMatchObject({ cpus: "", labels: { app: "web" }, isRunning: true });
    expect(before?.pid).toBeGreaterThan(0);
    await engine.upkeep.pin(id, "0");
    expect(await engine.upkeep.placeOf(id)).toMatchObject({ cpus: "0", isRunning: true });
    await engine.containers.stop(id, 0);
    expect(await engine.upkeep.placeOf(id)).toMatchObject({ pid: 0, isRunning: false });
  });

  test("upkeep.pin() of a created container counts from its start", async () => {
    const { engine, create } = start();
    const id = await create();
    await engine.upkeep.pin(id, "0");
    await engine.containers.start(id);
    expect(await engine.upkeep.placeOf(id)).toMatchObject({ cpus: "0", isRunning: true });
  });

  test("upkeep.writtenBytes() grows with what is written", async () => {
    const { engine, run } = start();
    const id = await run();
    const before = (await engine.upkeep.writtenBytes(id)) ?? -1;
    expect(before).toBeGreaterThanOrEqual(0);
    await engine.io.putFiles(id, [{ path: "/big", content: Buffer.alloc(300_000) }]);
    const after = (await engine.upkeep.writtenBytes(id)) ?? 0;
    expect(after - before).toBeGreaterThanOrEqual(300_000);
  });

  test("upkeep of an absent container is undefined, pin() of it rejects", async () => {
    const { upkeep } = start().engine;
    expect(await upkeep.placeOf("absent")).toBeUndefined();
    expect(await upkeep.writtenBytes("absent")).toBeUndefined();
    await expect(upkeep.pin("absent", "0")).rejects.toMatchObject({ reason: "NotFound" });
  });

  test("upkeep.images() lists each image once, with its names", async () => {
    const { engine } = start();
    const images = await engine.upkeep.images();
    const web = images.filter(({ tags }) => tags.includes(testImages.web));
    expect(web).toHaveLength(1);
    expect(web[0]?.sizeBytes).toBeGreaterThan(0);
    expect(web[0]?.id).toBe((await engine.images.inspect(testImages.web))?.id);
    expect(new Set(images.map(({ id }) => id)).size).toBe(images.length);
  });
}
