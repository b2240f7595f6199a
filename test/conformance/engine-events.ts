import { expect, test } from "vitest";
import type { EngineEvent } from "../../agent/engine/engine.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { type EngineHarness, freshName, type Start } from "./engine-kit.ts";

const actionsOf = (events: readonly EngineEvent[], id: string): readonly string[] =>
  events.flatMap((event) => (event.type === "container" && event.id === id ? [event.action] : []));

/** Changes as they happen, and what a lost engine looks like. Stops the engine, so it comes last. */
export function engineEvents(start: Start, harness: () => EngineHarness): void {
  test("events() begins with resync and tells a container's life in order", async () => {
    const { engine, create, follow } = start();
    const events = await follow();
    expect(events[0]).toEqual({ type: "resync" });
    const name = freshName();
    const id = await create({ Labels: { app: "web" } }, name);
    await engine.containers.start(id);
    await engine.containers.kill(id, "SIGKILL");
    await eventually("die is told", () => actionsOf(events, id).includes("die"));
    await engine.containers.remove(id);
    await eventually("destroy is told", () => actionsOf(events, id).includes("destroy"));
    const order = ["create", "start", "kill", "die", "destroy"];
    expect(actionsOf(events, id).filter((action) => order.includes(action))).toEqual(order);
    const died = events.find((event) => event.type === "container" && event.action === "die");
    expect(died).toMatchObject({ attributes: { name, app: "web", exitCode: "137" } });
  });

  test("events() tells the health, without its argument in the action", async () => {
    const { run, follow } = start();
    const events = await follow();
    const id = await run({ Image: testImages.unhealthy });
    const told = await eventually("health is told", () =>
      events.find(
        (event) =>
          event.type === "container" && event.id === id && event.action === "health_status",
      ),
    );
    expect(told).toMatchObject({ attributes: { health: "unhealthy" } });
  });

  test("events() ends without an error when the signal aborts", async () => {
    const { engine } = start();
    const controller = new AbortController();
    for await (const event of engine.events(controller.signal)) {
      expect(event).toEqual({ type: "resync" });
      controller.abort();
    }
  });

  test("while the engine is away calls fail clearly; events() says so and comes back", async () => {
    const { engine, create, follow } = start();
    const id = await create();
    const before = await engine.info();
    const events = await follow();
    await harness().stop();
    await eventually("the loss is told", () => events.some(({ type }) => type === "lost"));
    await expect(engine.containers.list()).rejects.toMatchObject({
      reason: "ServiceUnavailable",
      message: expect.stringContaining(harness().url) as string,
    });
    await harness().start();
    const resyncs = (): number => events.filter(({ type }) => type === "resync").length;
    await eventually("the stream is live again", () => resyncs() > 1);
    expect((await engine.info()).id).toBe(before.id);
    expect((await engine.containers.inspect(id))?.id).toBe(id);
    await engine.containers.start(id);
    await eventually("changes are told again", () => actionsOf(events, id).includes("start"));
  });
}
