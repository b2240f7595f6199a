import { expect, test } from "vitest";
import { tar } from "../../agent/engine/tar.ts";
import { testImages } from "../kit/images.ts";
import { freshName, type Start } from "./engine-kit.ts";

const archive = tar([{ type: "file", path: "hello", content: Buffer.from("hello") }]);

/** What the engine holds, and how images come and go. */
export function engineImages(start: Start): void {
  test("images.inspect() tells what the image declares", async () => {
    const { engine } = start();
    const web = await engine.images.inspect(testImages.web);
    expect(web).toMatchObject({
      tags: [testImages.web],
      digests: [],
      os: "linux",
      exposedPorts: ["80/tcp"],
      hasHealthcheck: false,
      user: "",
    });
    expect(web?.id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(web?.sizeBytes).toBeGreaterThan(0);
    expect(await engine.images.inspect(web?.id ?? "")).toMatchObject({ id: web?.id });
    const health = await engine.images.inspect(testImages.health);
    expect(health?.hasHealthcheck).toBe(true);
  });

  test("images.inspect() of an absent image is undefined", async () => {
    const { engine } = start();
    expect(await engine.images.inspect("lh/absent:v9")).toBeUndefined();
  });

  test("images.import() makes an image, images.remove() takes it away, both again", async () => {
    const { engine } = start();
    const reference = `lh/${freshName()}:v1`;
    const id = await engine.images.import(reference, archive, ['CMD ["/hello"]', "EXPOSE 81/udp"]);
    const image = await engine.images.inspect(reference);
    expect(image).toMatchObject({ id, tags: [reference], exposedPorts: ["81/udp"] });
    await engine.images.remove(reference);
    await engine.images.remove(reference);
    expect(await engine.images.inspect(reference)).toBeUndefined();
  });

  test("images.remove() refuses while a container uses it", async () => {
    const { engine, run } = start();
    await run({ Image: testImages.web });
    await expect(engine.images.remove(testImages.web)).rejects.toMatchObject({
      reason: "Conflict",
    });
    expect(await engine.images.inspect(testImages.web)).toBeDefined();
  });

  test("images.pull() and resolve() say when the registry does not answer", async () => {
    const { engine } = start();
    const reference = "127.0.0.1:1/team/app:v1";
    const away = {
      reason: "ServiceUnavailable",
      message: expect.stringContaining("127.0.0.1:1") as string,
    };
    await expect(Array.fromAsync(engine.images.pull(reference))).rejects.toMatchObject(away);
    await expect(engine.images.resolve(reference)).rejects.toMatchObject(away);
  });
}
