import Fastify from "fastify";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Scope } from "../objects/call.ts";
import { requestInfo } from "../objects/request-info.ts";
import { fairness } from "./fairness.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("nothing holds on to a request that was answered", async () => {
  const app = Fastify();
  app.addHook("onRequest", async (request) => {
    request.user = { name: "ann", groups: ["system:authenticated"] };
    request.info = requestInfo(request.method, request.url);
  });
  const shares = fairness({} as Scope);
  shares.guard(app);
  app.get("/*", () => `timers: ${vi.getTimerCount()}`);
  const { body } = await app.inject("/api/v1/namespaces/shop/pods/web-0");
  expect(body).toBe("timers: 1");
  expect(vi.getTimerCount()).toBe(0);
  expect(shares.states().map(({ seatsInUse }) => seatsInUse)).not.toContain(1);
  await app.close();
});
