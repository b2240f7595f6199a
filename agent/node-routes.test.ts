import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { NodeCall } from "../api/tunnel/node-link.ts";
import type { RouteWorld } from "./node-route.ts";
import { createNodeHandler } from "./node-routes.ts";

const never = new AbortController().signal;
const callTo = (path: string): NodeCall => ({
  method: "GET",
  path,
  headers: {},
  caller: { user: "ann", groups: [], verb: "get", resource: "nodes/stats", auditId: "a1" },
});

// Routes get what they are given; none of these looks at the rest of the world.
const worldUntil = (signal: AbortSignal): RouteWorld =>
  ({ nodeName: "n1", signal }) as unknown as RouteWorld;

test("createNodeHandler() chooses by the first segment", async () => {
  const asked: string[] = [];
  const handler = createNodeHandler(worldUntil(never), {
    stats: () => async (call) => {
      asked.push(call.path);
      return { status: 200, headers: {}, body: Readable.from([]) };
    },
  });
  for (const path of ["/stats/summary", "/stats?a=/b", "/stats"])
    expect((await handler(callTo(path), never)).status).toBe(200);
  expect(asked).toEqual(["/stats/summary", "/stats?a=/b", "/stats"]);
  await expect(handler(callTo("/statsx"), never)).rejects.toThrow(
    'Cannot answer GET /statsx for node "n1": its agent knows /stats',
  );
});

test("createNodeHandler() ends calls with the host", async () => {
  const gone = new AbortController();
  const signals: AbortSignal[] = [];
  const handler = createNodeHandler(worldUntil(gone.signal), {
    stats: () => async (_call, signal) => {
      signals.push(signal);
      return { status: 200, headers: {}, body: Readable.from([]) };
    },
  });
  await handler(callTo("/stats"), never);
  gone.abort();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});
