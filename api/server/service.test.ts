import { generateKeyPairSync } from "node:crypto";
import Fastify from "fastify";
import { expect, test } from "vitest";
import { openTestApp } from "../../test/kit/app.ts";
import { defaultPolicy } from "./audit/policy.ts";
import { openRegistry } from "./metrics/registry.ts";
import { requestInfo } from "./objects/request-info.ts";
import { openService } from "./service.ts";

test("drain() fails readiness and spares liveness, so that nobody restarts what is ending", async () => {
  await using kit = await openTestApp();
  const { publicKey } = generateKeyPairSync("ed25519");
  const log = {
    write: () => true,
    record: async () => true,
    failing: false,
    written: 0,
    dropped: 0,
    head: undefined,
    [Symbol.asyncDispose]: async () => {},
  };
  const { scope, store } = kit;
  const audit = { policy: defaultPolicy, mode: "batch", log, path: "", publicKey } as const;
  const service = openService({ scope, store, registry: openRegistry(), audit });
  const app = Fastify();
  app.addHook("onRequest", async (request) => {
    request.info = requestInfo(request.method, request.url);
    request.user = { name: "", groups: [] };
  });
  service.addPublic(app);
  const codes = async (): Promise<readonly number[]> => [
    (await app.inject({ url: "/readyz" })).statusCode,
    (await app.inject({ url: "/livez" })).statusCode,
  ];
  expect(await codes()).toEqual([200, 200]);
  service.drain();
  expect(await codes()).toEqual([500, 200]);
  const verbose = await app.inject({ url: "/readyz?verbose" });
  expect(verbose.body).toContain("[-]shutdown failed");
  await app.close();
});
