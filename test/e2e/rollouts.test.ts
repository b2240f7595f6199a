import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RolloutLine } from "../../crds/rollout-stream.ts";
import { eventually } from "../kit/eventually.ts";
import { type Lighthouse, startLighthouse } from "../kit/lighthouse.ts";
import type { Ran } from "../kit/run.ts";

/** What a release manager does with one Application, on a simulated engine, by exit codes and words. */

let dataDir: string;
let lighthouse: Lighthouse;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "lighthouse-rollouts-"));
  lighthouse = await startLighthouse({ dataDir, docker: [], args: ["--simulate"] });
});
afterAll(async () => {
  await lighthouse.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const strategy = { batch: 1, minReadySeconds: 0, monitorSeconds: 1, progressDeadlineSeconds: 30 };

function web(tag: string, more: object = {}): string {
  const container = {
    name: "web",
    image: `shop.example/web:${tag}`,
    imagePullPolicy: "IfNotPresent",
  };
  return JSON.stringify({
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name: "web", annotations: { "kubernetes.io/change-cause": `release ${tag}` } },
    spec: {
      replicas: 2,
      template: { spec: { containers: [container] } },
      strategy: { ...strategy, ...more },
    },
  });
}

const cli = (line: string, stdin = ""): Promise<Ran> =>
  lighthouse.cli(line.split(" "), { stdin, timeoutMs: 60_000 });
const apply = (manifest: string): Promise<Ran> => cli("apply -f - --wait", manifest);

test("a good release ends with 0, and the plan of the same file with nothing to do", async () => {
  expect(await apply(web("v1"))).toMatchObject({ code: 0 });
  expect(await cli("plan -f - --detailed-exitcode", web("v1"))).toMatchObject({ code: 0 });
});

test("a plan says what a release would change, and changes nothing", async () => {
  const plan = await cli("plan -f - --detailed-exitcode", web("broken"));
  expect(plan.code).toBe(4);
  expect(plan.stdout).toContain("web-2 replaces web-1 on 2 slots");
  expect(plan.stdout).toContain(
    "-    - image: shop.example/web:v1\n+    - image: shop.example/web:broken",
  );
  expect((await cli("rollout history web -o name")).stdout).toBe("revision.lighthouse.dev/web-1\n");
});

test("a bad release ends with 1, with the last words of the container", async () => {
  const { code, stdout } = await apply(web("broken"));
  expect(code).toBe(1);
  expect(stdout).toMatch(/slot \d on \S+: container web ended with exit code 1/);
  expect(stdout).toContain("application/web:   | broken\n");
  expect(stdout).toMatch(/rolled back, web-1 runs again: .*\n$/);
});

test("every way to ask for the verdict of a bad release says the same", async () => {
  expect(await cli("rollout status web")).toMatchObject({ code: 1 });
  expect(await cli("rollout status web --no-wait")).toMatchObject({ code: 1 });
  const stream = await cli("rollout status web -o json");
  const lines = stream.stdout.trimEnd().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "") as RolloutLine).toMatchObject({
    Status: "Finalized",
    Verdict: "RolledBack",
  });
  expect(stream.code).toBe(1);
  expect(await cli("rollout retry web --wait")).toMatchObject({ code: 1 });
  const { stdout } = await cli("describe app web");
  expect(stdout).toMatch(/Failed:\s+web-2, \d+s ago: .*exit code 1/);
});

test("history tells who, why and how it ended, and what changed", async () => {
  const { stdout } = await cli("rollout history web");
  expect(stdout).toMatch(/^REVISION .*\n2>\s+web-2\s+Failed .* admin\s+release broken\s+\w+\n1\*/);
  const offered = await cli("__complete -- rollout undo app/web --to-revision ");
  expect(offered.stdout).toMatch(/^2\tFailed shop\.example\/web:broken\n1\tActive .*\n$/);
  const diff = await cli("rollout history web --diff");
  expect(diff.stdout).toContain(
    "-    - image: shop.example/web:v1\n+    - image: shop.example/web:broken",
  );
});

test("undo and restart end with 0 when what they asked for runs", async () => {
  const undo = await cli("rollout undo web --wait");
  expect(undo).toMatchObject({ code: 0 });
  expect(undo.stdout).toContain("goes back to Revision 1 (web-1, shop.example/web:v1)");
  const before = await cli("get pods -o name");
  expect(await cli("rollout restart web --wait")).toMatchObject({ code: 0 });
  expect((await cli("get pods -o name")).stdout).not.toBe(before.stdout);
  expect((await cli("rollout history web --limit 1")).stdout).toMatch(/3\*\s+web-3 .*restart/);
});

test("a paused rollout has no verdict in time, which is 3, and goes on when it is resumed", async () => {
  expect(await cli("rollout pause web")).toMatchObject({ code: 0 });
  // A file that does not speak of spec.paused leaves it as it is.
  await cli("apply -f -", web("v2"));
  const late = await cli("rollout status web --timeout 1s");
  expect(late.code).toBe(3);
  expect(await cli("rollout resume web --wait")).toMatchObject({ code: 0 });
});

test("a canary waits for its approval, and goes on with it", async () => {
  await cli("apply -f -", web("v3", { canary: { count: 1, approve: "Manual" } }));
  await eventually("the canary waits", async () =>
    (await cli("rollout status web --no-wait")).stdout.includes("WaitingForApproval"),
  );
  expect((await cli("rollout approve web --revision 1")).stderr).toContain("web-5 does");
  const approved = await cli("rollout approve web --wait");
  expect(approved).toMatchObject({ code: 0 });
  expect(approved.stdout).toContain("application/web approved: web-5\n");
});

test("a change by somebody else is no success of whoever waits for another one", async () => {
  await cli("rollout pause web");
  const waiting = apply(web("v4"));
  await eventually("the first change is there", async () =>
    (await cli("get app web -o yaml")).stdout.includes("web:v4"),
  );
  await cli("apply -f -", web("v5"));
  const { code, stdout } = await waiting;
  expect(stdout).toContain("replaced by another change by admin before its verdict");
  expect(code).toBe(1);
  expect(await cli("rollout resume web --wait")).toMatchObject({ code: 0 });
});
