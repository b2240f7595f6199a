import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { beacons, namespaces } from "../../api/machinery/resources.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { type Env, startEnv } from "../../test/kit/env.ts";
import type { Io } from "../command.ts";
import { connectTo } from "../connect.ts";
import { applyAtStart, startManifests } from "./run-manifests.ts";

let env: Env;
let folder: string;
beforeAll(async () => {
  env = await startEnv();
  folder = await mkdtemp(join(tmpdir(), "manifests-"));
});
afterAll(async () => {
  await env.stop();
  await rm(folder, { recursive: true, force: true });
});

const io: Io = {
  out: () => undefined,
  err: () => undefined,
  isTerminal: false,
  color: false,
  env: {},
  readStdin: () => Promise.resolve(""),
  clock: { nowMs: () => Date.now() },
};

test("applyAtStart() makes what the folder names, and goes on after what is refused", async () => {
  const beacon = (name: string, spec: string): string =>
    `apiVersion: lighthouse.dev/v1\nkind: Beacon\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
  await writeFile(join(folder, "1.yaml"), beacon("wrong", "{ provider: aws }"));
  await writeFile(join(folder, "2.yaml"), beacon("cellar", "{ provider: config }"));
  await writeFile(
    join(folder, "3.yaml"),
    "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n",
  );
  const errors: object[] = [];
  const ignore = (): void => undefined;
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (at) => void errors.push(at),
  };
  const manifests = await startManifests({ manifests: [folder] }, io);
  const { kubeconfig } = env;
  const { signal } = new AbortController();
  await applyAtStart({ manifests, kubeconfig, io, log, signal });
  await applyAtStart({ manifests, kubeconfig, io, log, signal }); // as at the next start
  expect(errors).toHaveLength(2);
  expect(errors[0]).toMatchObject({ at: expect.stringContaining("1.yaml:1") as string });
  const session = await connectTo({
    kubeconfig,
    context: undefined,
    namespace: undefined,
    showsPlans: false,
    io,
  });
  expect(await session.client.get(beacons, { name: "cellar" })).toMatchObject({
    spec: { provider: "config" },
  });
  expect(await session.client.get(namespaces, { name: "shop" })).toBeDefined();
  expect(await session.client.get(beacons, { name: "wrong" })).toBeUndefined();
  await session.close();
});

test("startManifests() reads nothing without the flag, and names what is not there", async () => {
  expect(await startManifests({}, io)).toEqual([]);
  const nowhere = join(folder, "nowhere");
  await expect(startManifests({ manifests: [nowhere] }, io)).rejects.toThrow(nowhere);
});
