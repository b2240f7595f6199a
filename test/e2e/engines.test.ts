import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { privateDockerd, skipWithoutDockerd } from "../kit/dockerd.ts";
import { makeTestImages, testImages } from "../kit/images.ts";
import { startLighthouse } from "../kit/lighthouse.ts";
import { manifest } from "./site.ts";

describe.skipIf(skipWithoutDockerd())("lighthouse up on several engines", () => {
  test("each engine is a Node, and slots are spread over them", async () => {
    await using stack = new AsyncDisposableStack();
    const dataDir = await mkdtemp(join(tmpdir(), "lighthouse-engines-"));
    stack.defer(() => rm(dataDir, { recursive: true, force: true }));
    const dockers = [stack.use(await privateDockerd()), stack.use(await privateDockerd())];
    const engines = dockers.map(({ url }) => stack.use(openEngine(url)));
    for (const engine of engines) await makeTestImages(engine.images);
    const docker = dockers.map(({ url }) => url);
    const lighthouse = stack.use(await startLighthouse({ dataDir, docker }));
    const four = manifest("web", testImages.web, { spec: { replicas: 4 } });
    const applied = await lighthouse.cli(["apply", "-f", "-", "--wait"], {
      stdin: four,
      timeoutMs: 90_000,
    });
    expect(applied).toMatchObject({ code: 0 });
    const { stdout } = await lighthouse.cli(["get", "nodes"]);
    expect(stdout.match(/ Ready /g)).toHaveLength(2);
    for (const { containers } of engines) {
      expect(await containers.list({ "lighthouse.dev/application": "web" })).toHaveLength(2);
    }
  });
});
