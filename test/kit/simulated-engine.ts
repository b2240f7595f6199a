import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { openEngine } from "../../agent/engine/dockerode.ts";
import {
  type SimulatedEngine,
  type SimulatedEngineOptions,
  startSimulatedEngine,
} from "../../agent/simulated/simulated-engine.ts";
import { makeTestImages } from "./images.ts";

/** A simulated engine on a socket of its own, with {@link testImages}. Disposing removes all of it. */
export async function simulatedEngine(
  options: Omit<SimulatedEngineOptions, "socketPath"> = {},
): Promise<SimulatedEngine> {
  const dir = await mkdtemp("/tmp/lhs-");
  try {
    const simulated = await startSimulatedEngine({ ...options, socketPath: join(dir, "s") });
    await using engine = openEngine(simulated.url);
    await makeTestImages(engine.images, Buffer.from("nothing runs"));
    return {
      ...simulated,
      async [Symbol.asyncDispose]() {
        await simulated[Symbol.asyncDispose]();
        await rm(dir, { recursive: true, force: true });
      },
    };
  } catch (err) {
    await rm(dir, { recursive: true, force: true });
    throw err;
  }
}
