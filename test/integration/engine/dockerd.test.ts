import { describe } from "vitest";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import { engineConformance } from "../../conformance/engine.ts";
import type { EngineHarness } from "../../conformance/engine-kit.ts";
import { privateDockerd, skipWithoutDockerd } from "../../kit/dockerd.ts";
import { makeTestImages } from "../../kit/images.ts";

async function prepare(): Promise<EngineHarness> {
  const dockerd = await privateDockerd();
  try {
    await using engine = openEngine(dockerd.url);
    await makeTestImages(engine.images);
    return dockerd;
  } catch (err) {
    await dockerd[Symbol.asyncDispose]();
    throw err;
  }
}

describe.skipIf(skipWithoutDockerd())("with a real dockerd", () => {
  engineConformance("dockerd", prepare);
});
