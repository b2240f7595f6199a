import { afterEach, beforeEach, expect, test } from "vitest";
import type { Caller, NodeAnswer } from "../../api/tunnel/node-link.ts";
import { buildFact } from "../../test/kit/pod-world.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "../engine/dockerode.ts";
import type { Engine } from "../engine/engine.ts";
import type { RouteWorld } from "../node-route.ts";
import type { Inventory } from "../pods/inventory.ts";
import type { SimulatedEngine } from "../simulated/simulated-engine.ts";
import { filesRoute } from "./files-route.ts";
import { readTar } from "./read-tar.ts";

let simulated: SimulatedEngine;
let engine: Engine;
let id: string;

beforeEach(async () => {
  simulated = await simulatedEngine();
  engine = openEngine(simulated.url);
  id = await engine.containers.create("app", { Image: testImages.web });
  await engine.io.putFiles(id, [
    { path: "/data/b/deep", content: Buffer.from("deep") },
    { path: "/data/a", content: Buffer.from("first\n") },
  ]);
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await simulated[Symbol.asyncDispose]();
});

const caller: Caller = {
  user: "ann",
  groups: [],
  verb: "get",
  resource: "pods/files",
  namespace: "shop",
  name: "web",
  auditId: "a1",
};

function ask(path: string, more: Partial<Caller> = {}): Promise<NodeAnswer> {
  const inventory: Pick<Inventory, "uidsOf" | "of"> = {
    uidsOf: ({ namespace, name }) => (namespace === "shop" && name === "web" ? ["u1"] : []),
    of: async () => [buildFact({ id })],
  };
  // The route looks at nothing else of the world.
  const world = { host: { engine, inventory } } as unknown as RouteWorld;
  const call = { method: "GET", path, headers: {}, caller: { ...caller, ...more } };
  return filesRoute(world)(call, AbortSignal.timeout(10_000));
}

const of = (question: string, path?: string): string =>
  `/files/${question}?uid=u1&container=app${path === undefined ? "" : `&path=${encodeURIComponent(path)}`}`;

async function bytesOf({ body }: NodeAnswer): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(body as AsyncIterable<Buffer>));
}

test("a file comes byte by byte, with its size", async () => {
  const answer = await ask(of("content", "/data/a"));
  expect(answer.headers).toMatchObject({
    "content-type": "application/octet-stream",
    "content-length": "6",
  });
  expect((await bytesOf(answer)).toString()).toBe("first\n");
});

test("a directory is listed, and nothing below its entries", async () => {
  const { items, path } = JSON.parse((await bytesOf(await ask(of("content", "/data")))).toString());
  expect(path).toBe("/data");
  expect(items).toContainEqual(expect.objectContaining({ name: "a", type: "file", size: 6 }));
  expect(items.map(({ name }: { name: string }) => name)).not.toContain("deep");
});

test("changes are listed, and their archive has full names", async () => {
  const right = { resource: "pods/changes" };
  const list = JSON.parse((await bytesOf(await ask(of("changes"), right))).toString());
  expect(list.items).toContainEqual({ path: "/data/a", change: "Added" });
  const archive = await ask(of("archive"), { resource: "pods/archive" });
  const names: string[] = [];
  for await (const { header, content } of readTar(archive.body)) {
    names.push(header.name);
    content.resume();
  }
  expect(names.sort()).toEqual(["data/a", "data/b/deep"]);
});

test.each([
  ["/data/../etc/shadow", 'must not contain ".."'],
  ["data", "must be absolute"],
  ["/a\0b", "must not contain a zero byte"],
  [`/${"x".repeat(5_000)}`, "must be no more than 4096 bytes"],
])("the path %j is refused", async (path, why) => {
  await expect(ask(of("content", path))).rejects.toMatchObject({
    reason: "BadRequest",
    message: expect.stringContaining(why),
  });
});

test("what is not there is not found", async () => {
  const absent = { reason: "NotFound" };
  await expect(ask(of("content", "/absent"))).rejects.toMatchObject(absent);
  await expect(ask("/files/content?uid=u1&container=other&path=/")).rejects.toMatchObject(absent);
  await expect(ask("/files/content?uid=u2&container=app&path=/")).rejects.toMatchObject(absent);
});

test.each([
  ["another right", { resource: "pods/log" }],
  ["another verb", { verb: "create" }],
  ["no object", { name: "" }],
])("a caller with %s is refused", async (_why, more) => {
  await expect(ask(of("content", "/data/a"), more)).rejects.toMatchObject({ reason: "Forbidden" });
});

test("a pod that was not decided upon is not found", async () => {
  const other = ask(of("content", "/data/a"), { name: "other" });
  await expect(other).rejects.toMatchObject({ reason: "NotFound" });
});
