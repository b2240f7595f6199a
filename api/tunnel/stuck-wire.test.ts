import { Duplex, duplexPair, PassThrough } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { callTo, openTunnelRig, type TunnelRig } from "../../test/kit/tunnel.ts";

const never = new AbortController().signal;
let rig: TunnelRig | undefined;
afterEach(async () => {
  await rig?.[Symbol.asyncDispose]();
  rig = undefined;
});

/** A wire as a WebSocket makes it: no handle of the kernel, and a write that may never come to its end. */
class StuckWire extends Duplex {
  isStuck = false;
  readonly #inner: Duplex;

  constructor(inner: Duplex) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    inner.on("data", (chunk: Buffer) => {
      if (!this.isStuck && !this.push(chunk)) inner.pause();
    });
    inner.once("end", () => {
      if (!this.isStuck) this.push(null); // a silent peer does not say either that it has gone
    });
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (err?: Error | null) => void): void {
    if (!this.isStuck) this.#inner.write(chunk, done);
  }

  override _final(done: () => void): void {
    if (!this.isStuck) this.#inner.end(done);
  }

  override _destroy(err: Error | null, done: (err?: Error | null) => void): void {
    this.#inner.destroy();
    done(err);
  }
}

test("ends that cannot even write let go of a silent peer", async () => {
  const [one, other] = duplexPair();
  const wires = [new StuckWire(one), new StuckWire(other)] as const;
  const keepAlive = { intervalMs: 30, deadlineMs: 60 };
  const body = new PassThrough();
  rig = await openTunnelRig(async () => ({ status: 200, headers: {}, body }), {
    wires,
    keepAlive,
  });
  const upload = new PassThrough();
  const call = callTo("/large", { method: "PUT", body: upload });
  const answer = await rig.hub.handler("n1")(call, never);
  const broken = new Promise((resolve) => answer.body.once("error", resolve));
  answer.body.resume();
  for (const wire of wires) wire.isStuck = true;
  body.write(Buffer.alloc(200_000));
  upload.write(Buffer.alloc(200_000));
  expect(await rig.hub.lost).toMatch(/did not answer within/);
  expect(await rig.agent.lost).toMatch(/did not answer within/);
  expect(await broken).toMatchObject({ reason: "ServiceUnavailable" });
  await Promise.all([rig.hub.closed, rig.agent.closed]);
});

test("an end that cannot be written is no assertion when the peer is silent", async () => {
  const [one, other] = duplexPair();
  const wires = [new StuckWire(one), new StuckWire(other)] as const;
  const keepAlive = { intervalMs: 30, deadlineMs: 60 };
  rig = await openTunnelRig(() => Promise.reject(new Error("nobody asks")), { wires, keepAlive });
  for (const wire of wires) {
    wire.isStuck = true;
    wire.push(null); // the other end has ended, says the network
  }
  await Promise.all([rig.hub.closed, rig.agent.closed]);
});

test("closing with grace ends in time over a wire that is stuck", async () => {
  const [one, other] = duplexPair();
  const wires = [new StuckWire(one), new StuckWire(other)] as const;
  const body = new PassThrough();
  rig = await openTunnelRig(async () => ({ status: 200, headers: {}, body }), { wires });
  const answer = await rig.hub.handler("n1")(callTo("/large"), never);
  answer.body.on("error", () => {}).resume();
  for (const wire of wires) wire.isStuck = true;
  body.write(Buffer.alloc(200_000));
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([rig.agent.close(20), rig.hub.close("the test", 20)]);
});
