import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../test/kit/app.ts";
import { timedOut, unavailable } from "../machinery/errors.ts";
import { memoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";

let server: TestApp;
let failure: Error | undefined;
const fail = (): void => {
  if (failure !== undefined) throw failure;
};

/** A store that fails on demand. */
function fragile(store: Store): Store {
  return {
    async get(key) {
      fail();
      return store.get(key);
    },
    async put(key, value, expected) {
      fail();
      return store.put(key, value, expected);
    },
    async head() {
      fail();
      return store.head();
    },
    list: (range) => store.list(range),
    delete: (key, expected) => store.delete(key, expected),
    compact: (upTo) => store.compact(upTo),
    watch: (prefix, since, signal) => store.watch(prefix, since, signal),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

const maps = "/api/v1/namespaces/default/configmaps";

beforeAll(async () => {
  server = await openTestApp({ store: fragile(memoryStore()) });
});
afterAll(() => server[Symbol.asyncDispose]());

test.each([
  ["a store that is away", unavailable("Cannot reach etcd"), 503, "Cannot reach etcd"],
  ["an unknown outcome", timedOut("No answer in time"), 504, "No answer in time"],
])("%s is told as it is", async (_what, err, code, message) => {
  failure = err;
  for (const [method, url] of [
    ["GET", maps],
    ["GET", `${maps}/x`],
    ["POST", maps],
  ] as const) {
    const answer = await server.send(
      method,
      url,
      method === "POST" ? { metadata: { name: "x" } } : undefined,
    );
    expect([answer.code, answer.body["message"]]).toEqual([code, message]);
  }
  failure = undefined;
});

test("a bug of ours is a 500 with the request's id and no detail", async () => {
  failure = new TypeError("secret detail");
  const { code, body, text } = await server.send("GET", `${maps}/x`);
  expect([code, body["kind"], body["reason"]]).toEqual([500, "Status", "InternalError"]);
  expect(text).toMatch(/request \S+/);
  expect(text).not.toContain("secret");
  failure = undefined;
});

// Without details kubectl debug takes its own pointer to them and crashes.
test.each(["/nothing", "/api/v1/nothing", "/apis/none.example/v1", `${maps}/x/nothing`])(
  "%s that nobody serves is not found, with empty details",
  async (url) => {
    const { code, body } = await server.send("GET", url);
    expect([code, body]).toEqual([
      404,
      expect.objectContaining({ reason: "NotFound", details: {} }),
    ]);
  },
);
