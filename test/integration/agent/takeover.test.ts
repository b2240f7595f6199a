import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import { unavailable } from "../../../api/machinery/errors.ts";
import { type Pod, pods } from "../../../api/machinery/resources.ts";
import type { Client } from "../../../api/client/client.ts";
import { localProvider } from "../../../agent/discovery/local.ts";
import type { SimulatedEngine } from "../../../agent/simulated/simulated-engine.ts";
import { runTunnelledAgent } from "../../../cli/commands/run-tunnelled-agent.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { is } from "../../kit/agent-rig.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { testImages } from "../../kit/images.ts";
import { simulatedEngine } from "../../kit/simulated-engine.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const key = { namespace: "default", name: "web" };

let env: Env;
let admin: OwnedClient;
let engine: SimulatedEngine;
beforeEach(async () => {
  engine = await simulatedEngine({ name: "n1" });
  env = await startEnv({ beacon: "b1" });
  admin = createClient(env.admin);
});
afterEach(async () => {
  await admin[Symbol.asyncDispose]();
  await env.stop();
  await engine[Symbol.asyncDispose]();
});

/** An agent that can die without a word: from then on nothing of it reaches the server. */
function startAgent(host: string) {
  const own = createClient(env.agent);
  const end = new AbortController();
  let dead = false;
  const gone = (): Promise<never> => Promise.reject(unavailable("it is dead"));
  const client: Client = {
    ...own,
    create: (...args) => (dead ? gone() : own.create(...args)),
    replace: (...args) => (dead ? gone() : own.replace(...args)),
    patch: (...args) => (dead ? gone() : own.patch(...args)),
  };
  const running = runTunnelledAgent(
    {
      client,
      beacon: "b1",
      version: "0.0.0-test",
      providers: [localProvider({ urls: [engine.url] })],
      clock: systemClock,
      log: silent,
      self: { host, pid: 1 },
      leaseMs: 2_000,
      retryMs: 200,
    },
    env.agent,
    end.signal,
  );
  return {
    async die() {
      dead = true;
      end.abort();
      await running;
    },
    async [Symbol.asyncDispose]() {
      end.abort();
      await running;
      await own[Symbol.asyncDispose]();
    },
  };
}

const ready = () =>
  eventually("the pod is ready", async () => {
    const pod = await admin.get(pods, key);
    return is(pod, "Ready") ? pod : undefined;
  });

async function exec(pod: Pod): Promise<string> {
  const caller = {
    user: "ann",
    groups: [],
    verb: "create",
    resource: "pods/exec",
    ...key,
    auditId: "",
  };
  const signal = AbortSignal.timeout(10_000);
  const options = { container: "app", command: ["echo", "hello"], stdin: false, tty: false };
  const prepared = await env.nodes.of("n1", caller).exec(pod, options, signal);
  await using process = await prepared.start(undefined, signal);
  let text = "";
  for await (const { bytes } of process.output) text += Buffer.from(bytes).toString();
  return text;
}

test("a second agent takes over from one that is gone, and no container notices", async () => {
  await using first = startAgent("first");
  await eventually("the Node is there", async () => {
    const binding = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: key,
      spec: { nodeName: "n1", containers: [{ name: "app", image: testImages.web }] },
    };
    env.nodes.handler("n1"); // throws until the tunnel of its agent is open
    await admin.create(pods, binding);
    return true;
  });
  const before = await ready();
  expect(await exec(before)).toBe("hello\n");
  await using _second = startAgent("second");
  await first.die();
  await eventually("the second one serves", async () => (await exec(before)) === "hello\n");
  const after = await ready();
  const stateOf = ({ status }: Pod) => status?.containerStatuses?.[0];
  expect(stateOf(after)).toEqual(stateOf(before));
  expect(stateOf(after)?.restartCount).toBe(0);
});
