import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createClient } from "../../../api/client/create-client.ts";
import { configMaps, leases } from "../../../api/machinery/resources.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";

const key = { namespace: "kube-system", name: "shared" };
const script = join(import.meta.dirname, "leader-process.ts");

type Candidate = {
  readonly child: ChildProcess;
  says(text: string): Promise<unknown>;
};

function startCandidate(env: Env, name: string): Candidate {
  const child = spawn(process.execPath, [script, name], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, LEADER_ACCESS: JSON.stringify(env.controllers) },
  });
  const chunks: string[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const output = (): string => chunks.join("");
  return {
    child,
    says: (text) =>
      eventually(`${name} says "${text}"`, async () => output().includes(text), {
        timeoutMs: 20_000,
      }),
  };
}

test("a leader that was stopped past its lease cannot write when it goes on", async () => {
  const env = await startEnv();
  onTestFinished(() => env.stop());
  const client = createClient(env.admin);
  onTestFinished(() => client[Symbol.asyncDispose]());
  await client.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: key });
  const first = startCandidate(env, "first");
  await first.says("leads");
  first.child.kill("SIGSTOP");
  const second = startCandidate(env, "second");
  await second.says("leads");
  const lease = await client.get(leases, { namespace: "kube-system", name: "tests" });
  expect(lease?.spec).toMatchObject({ holderIdentity: "second", leaseTransitions: 1 });
  const writers = new Set<string>();
  const watching = new AbortController();
  const taken = await client.get(configMaps, key);
  const resourceVersion = taken?.metadata.resourceVersion ?? "";
  const seen = (async () => {
    const options = { namespace: key.namespace, resourceVersion };
    for await (const frame of client.watch(configMaps, options, watching.signal)) {
      if (frame.type === "MODIFIED") writers.add(frame.object.data?.["by"] ?? "");
    }
  })();
  first.child.kill("SIGCONT");
  await first.says("late write refused: Forbidden");
  await eventually("writes are seen", async () => writers.size > 0);
  watching.abort();
  await seen;
  expect([...writers]).toEqual(["second"]);
}, 60_000);
