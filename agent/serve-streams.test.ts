import { afterEach, beforeEach, expect, test } from "vitest";
import type { Pod } from "../api/machinery/resources.ts";
import { gather } from "../test/conformance/engine-kit.ts";
import { type AgentRig, agentRig, bindPod, podOf, untilReady } from "../test/kit/agent-rig.ts";
import { eventually } from "../test/kit/eventually.ts";
import { testImages } from "../test/kit/images.ts";
import { simulatedEngine } from "../test/kit/simulated-engine.ts";
import type { Streams } from "./serve.ts";
import type { ServedProcess } from "./serve-process.ts";
import type { SimulatedEngine } from "./simulated/simulated-engine.ts";

let simulated: SimulatedEngine;
let rig: AgentRig;
let node: string;
let pod: Pod;
let streams: Streams;
const signal = AbortSignal.timeout(60_000);

beforeEach(async () => {
  simulated = await simulatedEngine();
  rig = await agentRig([simulated.url]);
  rig.start();
  node = await rig.node();
  await bindPod(rig.api, "web", { image: testImages.web, node });
  pod = await untilReady(rig.api, "web");
  streams = await eventually("the node is served", () => rig.streams.get(node));
});
afterEach(async () => {
  await rig.close();
  await simulated[Symbol.asyncDispose]();
});

const query = { container: "app", stdin: true, tty: false };

async function exec(command: readonly string[], more: Partial<typeof query> = {}) {
  const ready = await streams.exec(pod, { ...query, ...more, command }, signal);
  return ready.start(undefined, signal);
}

async function talk(process: ServedProcess, input: string) {
  process.stdin.end(input);
  const texts = await gather(process.output);
  return { ...texts, code: await process.exitCode() };
}

test("exec() runs a command with its input and tells its code", async () => {
  expect(await talk(await exec(["cat"]), "hello\n")).toEqual({
    stdout: "hello\n",
    stderr: "",
    code: 0,
  });
  const failing = await exec(["sh", "-c", "echo out; echo err >&2; exit 7"]);
  expect(await talk(failing, "")).toEqual({ stdout: "out\n", stderr: "err\n", code: 7 });
});

test("exec() runs nothing before it is started", async () => {
  await streams.exec(pod, { ...query, command: ["touch", "/tmp/mark"] }, signal);
  const check = await exec(["test", "-e", "/tmp/mark"]);
  expect((await talk(check, "")).code).toBe(1);
});

test("disposing of a command hangs up, however often", async () => {
  const process = await exec(["sleep", "100"]);
  await process[Symbol.asyncDispose]();
  await process[Symbol.asyncDispose]();
});

test("exec() and attach() refuse a container that is not there, or does not run", async () => {
  const notThere = { reason: "NotFound", message: 'container not found ("none")' };
  const none = { ...query, container: "none" };
  await expect(streams.exec(pod, { ...none, command: ["true"] }, signal)).rejects.toMatchObject(
    notThere,
  );
  await expect(streams.attach(pod, none, signal)).rejects.toMatchObject(notThere);
  await bindPod(rig.api, "later", { image: testImages.web, node, desired: "Prepared" });
  const later = await eventually("it is created", async () => {
    const seen = await podOf(rig.api, "later");
    return seen?.status?.containerStatuses?.[0]?.containerID === undefined ? undefined : seen;
  });
  await expect(streams.attach(later, query, signal)).rejects.toMatchObject({
    reason: "Conflict",
    message: expect.stringContaining('container "app" is not running, it is created') as unknown,
  });
});

test("attach() joins the main process, and leaves it running", async () => {
  await bindPod(rig.api, "talker", {
    image: testImages.web,
    node,
    container: { command: ["cat"], stdin: true },
  });
  const talker = await untilReady(rig.api, "talker");
  const ready = await streams.attach(talker, query, signal);
  expect(ready.tty).toBe(false);
  const first = await ready.start(undefined, signal);
  await first[Symbol.asyncDispose]();
  const again = await streams.attach(talker, query, signal);
  const joined = await again.start(undefined, signal);
  joined.stdin.write("hello\n");
  for await (const { bytes } of joined.output) {
    expect(Buffer.from(bytes).toString()).toBe("hello\n");
    break;
  }
});

test("dial() reaches a port of the pod", async () => {
  const socket = await streams.dial(pod, 80, signal);
  socket.write("GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n");
  const answer = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>));
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK[^]*v1\s*$/);
});

test("dial() closes a connection that nobody took when its client is gone", async () => {
  const client = new AbortController();
  const socket = await streams.dial(pod, 80, client.signal);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  client.abort();
  await closed;
  expect(socket.destroyed).toBe(true);
});

test("dial() says which port of which pod cannot be reached", async () => {
  await expect(streams.dial(pod, 9, signal)).rejects.toMatchObject({
    reason: "ServiceUnavailable",
    message: "Cannot connect to port 9 of pod shop/web: nothing listens on it",
  });
  await bindPod(rig.api, "later", { image: testImages.web, node, desired: "Prepared" });
  const later = await eventually("it is there", () => podOf(rig.api, "later"));
  await expect(streams.dial(later, 80, signal)).rejects.toThrow(
    "Cannot connect to port 80 of pod shop/later: Cannot reach port 80: the container has no address",
  );
});
