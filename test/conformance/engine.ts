import { afterAll, beforeAll, describe } from "vitest";
import { engineEvents } from "./engine-events.ts";
import { engineImages } from "./engine-images.ts";
import { engineIo } from "./engine-io.ts";
import { type EngineHarness, starter } from "./engine-kit.ts";
import { engineLifecycle } from "./engine-lifecycle.ts";
import { engineNetwork } from "./engine-network.ts";
import { engineUpkeep } from "./engine-upkeep.ts";

/**
 * The promises of `Engine` as tests, against anything that speaks the Docker Engine API at a URL.
 * Call it inside a test file with a function that starts such a host with the images of
 * `test/kit/images.ts`.
 */
export function engineConformance(name: string, prepare: () => Promise<EngineHarness>): void {
  describe(`${name} engine`, () => {
    let harness: EngineHarness | undefined;
    const ready = (): EngineHarness => {
      if (harness === undefined) throw new Error("the engine did not start");
      return harness;
    };
    beforeAll(async () => {
      harness = await prepare();
    });
    afterAll(async () => {
      await harness?.[Symbol.asyncDispose]();
    });
    const start = starter(ready);
    engineLifecycle(start);
    engineNetwork(start);
    engineIo(start);
    engineImages(start);
    engineEvents(start, ready);
    engineUpkeep(start);
  });
}
