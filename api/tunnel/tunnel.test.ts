import { randomBytes } from "node:crypto";
import { type Duplex, duplexPair, PassThrough, Readable } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../../test/kit/eventually.ts";
import {
  answerOf,
  bytesOf,
  callTo,
  openTunnelRig,
  testCaller,
  type TunnelRig,
} from "../../test/kit/tunnel.ts";
import { StatusError } from "../machinery/errors.ts";
import type { NodeCall, NodeHandler } from "./node-link.ts";

const never = new AbortController().signal;
let rig: TunnelRig | undefined;
afterEach(async () => {
  await rig?.[Symbol.asyncDispose]();
  rig = undefined;
});

async function open(handler: NodeHandler): Promise<NodeHandler> {
  rig = await openTunnelRig(handler);
  return rig.hub.handler("n1");
}

test("a call arrives as it was made, and its answer as it was given", async () => {
  const seen: NodeCall[] = [];
  const node = await open(async (call) => {
    seen.push(call);
    const headers = { "x-one": "ä,b", "set-cookie": ["a=1", "b=2"] };
    return { status: 418, headers, body: Readable.from(["short ", "and stout"]) };
  });
  const headers = { "x-registry-auth": "ü".repeat(40_000), "lighthouse-call": "forged", te: "x" };
  const sent = callTo("/docker/v1.41/info?a=%20b", { method: "PUT", headers });
  const answer = await node(sent, never);
  expect(answer).toMatchObject({
    status: 418,
    headers: { "x-one": "ä,b", "set-cookie": ["a=1", "b=2"] },
  });
  expect((await bytesOf(answer.body)).toString()).toBe("short and stout");
  const { body, ...got } = seen[0] as NodeCall;
  body?.resume();
  expect(got).toEqual(sent);
});

test("what an agent refuses is the same error at the server", async () => {
  const node = await open(async () => {
    throw new StatusError("Conflict", "it is taken", { details: { name: "x" } });
  });
  await expect(node(callTo("/a"), never)).rejects.toMatchObject({
    reason: "Conflict",
    message: "it is taken",
    details: { name: "x" },
  });
});

test("a call without a body arrives without one", async () => {
  const seen: NodeCall[] = [];
  const node = await open(async (call) => {
    seen.push(call);
    return answerOf("pong");
  });
  expect((await bytesOf((await node(callTo("/_ping"), never)).body)).toString()).toBe("pong");
  expect(seen[0]).not.toHaveProperty("body");
  await eventually("the call is over", () => rig?.hub.openCalls === 0);
});

test("a bug of an agent stays in its log", async () => {
  const node = await open(async () => {
    throw new Error("secret detail");
  });
  await expect(node(callTo("/a"), never)).rejects.toMatchObject({ reason: "InternalError" });
  expect(String(rig?.errors)).toContain("secret detail");
});

test("a body that breaks off ends with its error, not as if it were whole", async () => {
  const node = await open(async () => {
    const body = async function* () {
      yield Buffer.from("begin");
      throw new StatusError("NotFound", "it went away");
    };
    return { status: 200, headers: {}, body: Readable.from(body()) };
  });
  const { body } = await node(callTo("/a"), never);
  const read: string[] = [];
  const reading = (async () => {
    for await (const chunk of body) read.push(String(chunk));
  })();
  await expect(reading).rejects.toMatchObject({ reason: "NotFound", message: "it went away" });
  expect(read).toEqual(["begin"]);
});

test("an error before the first byte of a body is not lost either", async () => {
  const node = await open(async () => {
    // eslint-disable-next-line require-yield
    const body = async function* (): AsyncGenerator<Buffer> {
      throw new StatusError("NotFound", "never there");
    };
    return { status: 200, headers: {}, body: Readable.from(body()) };
  });
  const { body } = await node(callTo("/a"), never);
  await expect(bytesOf(body)).rejects.toMatchObject({ message: "never there" });
});

test("a body that broke before it was handed over tells its error too", async () => {
  const node = await open(async () => {
    const body = new PassThrough();
    body.on("error", () => {});
    body.destroy(new StatusError("Timeout", "too late"));
    await new Promise((resolve) => setImmediate(resolve));
    return { status: 200, headers: {}, body };
  });
  const { body } = await node(callTo("/a"), never);
  await expect(bytesOf(body)).rejects.toMatchObject({ reason: "Timeout", message: "too late" });
});

test("an agent answers for its own Nodes alone", async () => {
  await open(async () => answerOf("x"));
  const other = (rig as TunnelRig).hub.handler("10.0.0.1");
  await expect(other(callTo("/a"), never)).rejects.toMatchObject({ reason: "NotFound" });
});

test.each([
  [{ ...testCaller, user: "" }],
  [{ ...testCaller, verb: "" }],
  [{ ...testCaller, resource: undefined as unknown as string }],
  [undefined as unknown as typeof testCaller],
])("a call without a decision is refused: %j", async (caller) => {
  let served = 0;
  const node = await open(async () => {
    served += 1;
    return answerOf("x");
  });
  await expect(node(callTo("/a", { caller }), never)).rejects.toMatchObject({
    reason: "Forbidden",
    message: "Cannot serve a call: it does not say who was allowed what",
  });
  expect(served).toBe(0);
});

test("the hub follows which Nodes there are", async () => {
  await open(async () => answerOf("x"));
  const { hub, nodes } = rig as TunnelRig;
  expect([...hub.nodes]).toEqual(["n1"]);
  const withdraw = nodes.serve("n2", async () => answerOf("y"));
  await eventually("n2 is announced", () => hub.nodes.has("n2"));
  withdraw();
  await eventually("n2 is gone", () => !hub.nodes.has("n2"));
});

test("many small bodies arrive intact, whatever pieces they come in", async () => {
  const node = await open(async ({ body }) => answerOf(await bytesOf(body as Readable)));
  const bodies = Array.from({ length: 200 }, (_, at) => randomBytes(1 + (at % 97)));
  const answers = await Promise.all(
    bodies.map(async (bytes) => {
      const body = new PassThrough();
      body.cork();
      body.write(bytes.subarray(0, 1));
      body.write("");
      body.write(bytes.subarray(1));
      body.end("");
      body.uncork();
      const answer = await node(callTo("/a", { method: "POST", body }), never);
      return bytesOf(answer.body);
    }),
  );
  expect(answers.map((bytes) => bytes.toString("hex"))).toEqual(
    bodies.map((bytes) => bytes.toString("hex")),
  );
});

/** A connection whose far end is the test's. */
function switching(): { readonly handler: NodeHandler; readonly far: () => Duplex } {
  let far: Duplex | undefined;
  return {
    handler: async () => {
      const [near, other] = duplexPair({ allowHalfOpen: true });
      far = other;
      return { status: 101, headers: { tty: "true" }, body: Readable.from([]), upgraded: near };
    },
    far: () => far as Duplex,
  };
}

async function upgrade(node: NodeHandler, signal = never): Promise<Duplex> {
  const answer = await node(callTo("/a", { method: "POST", upgrade: "tcp" }), signal);
  expect(answer).toMatchObject({ status: 101, headers: { tty: "true" } });
  return answer.upgraded as Duplex;
}

test("either half of an upgraded connection may end first", async () => {
  const { handler, far } = switching();
  const node = await open(handler);
  const one = await upgrade(node);
  const up = randomBytes(3 << 20);
  one.end(up);
  expect((await bytesOf(far())).equals(up)).toBe(true);
  far().end("the answer");
  expect((await bytesOf(one)).toString()).toBe("the answer");
  const two = await upgrade(node);
  far().end("first");
  expect((await bytesOf(two)).toString()).toBe("first");
  two.end("then");
  expect((await bytesOf(far())).toString()).toBe("then");
  await eventually("both are over", () => (rig as TunnelRig).hub.openCalls === 0);
});

test("an upgrade that an agent does not follow is an answer", async () => {
  const node = await open(async () => answerOf("no", 409));
  const answer = await node(callTo("/a", { upgrade: "tcp" }), never);
  expect([answer.status, answer.upgraded]).toEqual([409, undefined]);
  expect((await bytesOf(answer.body)).toString()).toBe("no");
});

test("a connection that breaks at one end breaks at the other", async () => {
  const { handler, far } = switching();
  const node = await open(handler);
  const one = await upgrade(node);
  const errors: Error[] = [];
  one.on("error", (err) => errors.push(err));
  far()
    .on("error", () => {})
    .destroy();
  // A pair in memory does not tell its other end.
  const two = await upgrade(node);
  const peer = far();
  const closed = new Promise((resolve) => peer.once("close", resolve));
  two.destroy();
  peer.resume();
  await Promise.race([closed, eventually("the far end is told", () => peer.readableEnded)]);
});

test("who aborts a call ends it at the agent, before and after it answered", async () => {
  const signals: AbortSignal[] = [];
  const node = await open(async (call, signal) => {
    signals.push(signal);
    if (call.path === "/never") await new Promise(() => {});
    return { status: 200, headers: {}, body: new PassThrough() };
  });
  const early = new AbortController();
  const pending = node(callTo("/never"), early.signal);
  await eventually("it is asked", () => signals.length === 1);
  early.abort(new Error("enough"));
  await expect(pending).rejects.toThrow("enough");
  await eventually("it is told", () => signals[0]?.aborted === true);
  const late = new AbortController();
  const { body } = await node(callTo("/slow"), late.signal);
  const failed = new Promise<Error>((resolve) => body.once("error", resolve));
  late.abort(new Error("enough"));
  expect((await failed).message).toBe("enough");
  await eventually("it is told", () => signals[1]?.aborted === true);
  const { body: left } = await node(callTo("/slow"), never);
  left.destroy();
  await eventually("a body that nobody wants is cancelled", () => signals[2]?.aborted === true);
});
