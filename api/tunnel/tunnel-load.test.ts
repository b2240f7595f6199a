import { type Duplex, duplexPair, PassThrough, Readable } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { answerOf, bytesOf, callTo, openTunnelRig, type TunnelRig } from "../../test/kit/tunnel.ts";
import type { NodeHandler } from "./node-link.ts";

const never = new AbortController().signal;
let rig: TunnelRig | undefined;
afterEach(async () => {
  await rig?.[Symbol.asyncDispose]();
  rig = undefined;
});

test("a reader that stands still holds its own stream, and little memory", async () => {
  let produced = 0;
  const endless = async function* () {
    const chunk = Buffer.alloc(64 << 10, "x");
    for (;;) {
      produced += chunk.length;
      yield chunk;
    }
  };
  rig = await openTunnelRig(async ({ path }) =>
    path === "/endless"
      ? { status: 200, headers: {}, body: Readable.from(endless()) }
      : answerOf("quick"),
  );
  const node = rig.hub.handler("n1");
  const stalled = await Promise.all(
    Array.from({ length: 8 }, () => node(callTo("/endless"), never)),
  );
  let before = -1;
  await eventually("all of them are held back", async () => {
    const same = before === produced;
    before = produced;
    await settle();
    return same && produced > 0;
  });
  expect(produced).toBeLessThan(8 * (3 << 20));
  for (let at = 0; at < 20; at += 1) {
    const { body } = await node(callTo("/quick"), never);
    expect((await bytesOf(body)).toString()).toBe("quick");
  }
  for (const { body } of stalled) body.destroy();
  await eventually("all are cancelled", () => rig?.hub.openCalls === 0);
});

test("a thousand streams are open at once, and one more is served", async () => {
  const handler: NodeHandler = async ({ path }) => {
    if (path === "/one") return answerOf("one");
    const body = new PassThrough();
    body.write(path);
    return { status: 200, headers: {}, body };
  };
  rig = await openTunnelRig(handler);
  const node = rig.hub.handler("n1");
  const bodies = await Promise.all(
    Array.from({ length: 1_000 }, async (_, at) => (await node(callTo(`/${at}`), never)).body),
  );
  const firsts = await Promise.all(
    bodies.map(
      (body) =>
        new Promise<string>((resolve) => body.once("data", (text) => resolve(String(text)))),
    ),
  );
  expect(new Set(firsts).size).toBe(1_000);
  expect(rig.hub.openCalls).toBe(1_000);
  expect((await bytesOf((await node(callTo("/one"), never)).body)).toString()).toBe("one");
  for (const body of bodies) body.destroy();
  await eventually("all are cancelled", () => rig?.hub.openCalls === 0);
});

/** A connection that can freeze: nothing arrives any more, and nobody is told. */
function freezable(): { readonly wires: readonly [Duplex, Duplex]; freeze(): void } {
  const [one, near] = duplexPair();
  const [far, other] = duplexPair();
  let frozen = false;
  const carry = (from: Duplex, to: Duplex): void => {
    from.on("data", (chunk: Buffer) => {
      if (!frozen) to.write(chunk);
    });
    from.once("close", () => frozen || to.destroy());
  };
  carry(near, far);
  carry(far, near);
  for (const [end, mate] of [
    [one, near],
    [near, one],
    [far, other],
    [other, far],
  ] as const)
    end.once("close", () => mate.destroy());
  return {
    wires: [one, other],
    freeze: () => {
      frozen = true;
    },
  };
}

test("a peer that freezes is found out by both ends, and calls in progress fail", async () => {
  const clock = manualClock();
  const { wires, freeze } = freezable();
  const keepAlive = { intervalMs: 1_000, deadlineMs: 500 };
  const handler: NodeHandler = async () => ({
    status: 200,
    headers: {},
    body: new PassThrough(),
  });
  rig = await openTunnelRig(handler, { clock, keepAlive, wires });
  const { hub, agent } = rig;
  const { body } = await hub.handler("n1")(callTo("/held"), never);
  const failed = new Promise<Error>((resolve) => body.once("error", resolve));
  for (let at = 0; at < 5; at += 1) await clock.advance(1_000);
  expect(hub.openCalls).toBe(1);
  freeze();
  await clock.advance(1_000);
  await clock.advance(500);
  expect(await hub.lost).toBe("the other end did not answer within 0.5 s");
  expect(await agent.lost).toBe("the other end did not answer within 0.5 s");
  expect((await failed).message).toContain("The tunnel broke off");
  await expect(hub.handler("n1")(callTo("/again"), never)).rejects.toMatchObject({
    reason: "ServiceUnavailable",
  });
});

test("an agent that stops lets what is open come to its end", async () => {
  const bodies: PassThrough[] = [];
  rig = await openTunnelRig(async () => {
    const body = new PassThrough();
    bodies.push(body);
    return { status: 200, headers: {}, body };
  });
  const { hub, agent } = rig;
  const { body } = await hub.handler("n1")(callTo("/a"), never);
  const closing = agent.close(10_000);
  expect(await hub.lost).toBe("the agent closed it");
  await expect(hub.handler("n1")(callTo("/b"), never)).rejects.toMatchObject({
    reason: "ServiceUnavailable",
  });
  bodies[0]?.end("the rest");
  expect((await bytesOf(body)).toString()).toBe("the rest");
  await closing;
});

test("a server that stops lets what is open come to its end", async () => {
  const bodies: PassThrough[] = [];
  rig = await openTunnelRig(async () => {
    const body = new PassThrough();
    bodies.push(body);
    return { status: 200, headers: {}, body };
  });
  const { hub, agent } = rig;
  const { body } = await hub.handler("n1")(callTo("/a"), never);
  const closing = hub.close("the server stops", 10_000);
  expect(await agent.lost).toBe("the server goes away");
  bodies[0]?.end("the rest");
  expect((await bytesOf(body)).toString()).toBe("the rest");
  await closing;
  await agent.closed;
});
