import { expect, test } from "vitest";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import type { Engine, RegistryAuth } from "../engine/engine.ts";
import { createImageStore } from "./image-store.ts";

const never = new AbortController().signal;

/** An engine whose registry answers once it is told to, and lets in who has a login. */
function privateRegistry() {
  const { promise: opened, resolve: open } = Promise.withResolvers<undefined>();
  const asked: (RegistryAuth | undefined)[] = [];
  const images = {
    inspect: async () => undefined,
    async *pull(_reference: string, auth: RegistryAuth | undefined) {
      asked.push(auth);
      await opened;
      if (auth === undefined) throw new Error("no basic auth credentials");
      yield* [];
    },
  };
  return { engine: { images } as unknown as Engine, asked, open: () => open(undefined) };
}

test("who has no login gets nothing by the pull of somebody who has one", async () => {
  const { engine, asked, open } = privateRegistry();
  const store = createImageStore(engine, systemClock);
  const auth = { username: "ann", password: "p", serverAddress: "a.test" };
  const pull = (login: RegistryAuth | undefined): Promise<void> =>
    store.pull("private:1", { auth: login, onProgress() {} }, never);
  const pulls = [pull(auth), pull(undefined), pull({ ...auth })];
  open();
  const ends = await Promise.allSettled(pulls);
  expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(asked).toEqual([auth, undefined]);
});
