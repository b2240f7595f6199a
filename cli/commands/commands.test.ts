import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Env, startEnv } from "../../test/kit/env.ts";
import type { Io } from "../command.ts";
import { commands } from "../commands.ts";
import { exitCode } from "../exit-code.ts";
import { invoke } from "../main.ts";
import { parse } from "../program.ts";

let env: Env;
let folder: string;
beforeAll(async () => {
  env = await startEnv();
  folder = await mkdtemp(join(tmpdir(), "lighthouse-cli-"));
});
afterAll(async () => {
  await env.stop();
  await rm(folder, { recursive: true, force: true });
});

type Done = { readonly code: number; readonly out: string; readonly err: string };

/** Runs a command line in this process, against the test's server. */
async function lighthouse(line: readonly string[], stdin = ""): Promise<Done> {
  const said = { out: "", err: "" };
  const io: Io = {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    isTerminal: false,
    color: false,
    env: { KUBECONFIG: env.kubeconfig },
    readStdin: () => Promise.resolve(stdin),
    clock: { nowMs: () => Date.now() },
  };
  const invocation = parse(commands, line, io);
  if (typeof invocation === "number") return { code: invocation, ...said };
  const code = await invoke(invocation, { io, signal: AbortSignal.timeout(10_000) });
  return { code, ...said };
}

const app = (name: string, image: string): string => `apiVersion: lighthouse.dev/v1
kind: Application
metadata: { name: ${name} }
spec:
  replicas: 2
  template:
    metadata: { labels: { tier: front } }
    spec:
      containers:
        - { name: web, image: "${image}" }
`;

test("apply creates, configures, and says when nothing is to do", async () => {
  const first = await lighthouse(["apply", "-f", "-"], app("web", "web:v1"));
  expect(first).toEqual({ code: 0, out: "application.lighthouse.dev/web created\n", err: "" });
  const same = await lighthouse(["apply", "-f", "-"], app("web", "web:v1"));
  expect(same.out).toBe("application.lighthouse.dev/web unchanged\n");
  const next = await lighthouse(["apply", "-f", "-"], app("web", "web:v2"));
  expect(next.out).toBe("application.lighthouse.dev/web configured\n");
  expect((await lighthouse(["get", "app", "web", "-o", "yaml"])).out).toContain("image: web:v2");
});

test("apply removes what left the file, and leaves what others set", async () => {
  const object = (data: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { ${data} }\n`;
  await lighthouse(["apply", "-f", "-"], object("a: one, b: two"));
  const { out: resource } = await lighthouse(["get", "cm", "settings", "-o", "json"]);
  expect(JSON.parse(resource)).toMatchObject({ data: { a: "one", b: "two" } });
  await lighthouse(["apply", "-f", "-"], object("a: one"));
  const after = JSON.parse((await lighthouse(["get", "cm", "settings", "-o", "json"])).out) as {
    readonly data: object;
  };
  expect(after.data).toEqual({ a: "one" });
});

test("apply applies nothing of a file that is half good", async () => {
  const file = join(folder, "half.yaml");
  await writeFile(file, `${app("good", "web:v1")}---\n${app("bad", "web:v1").replace("2", "-2")}`);
  const { code, err } = await lighthouse(["apply", "-f", file]);
  expect(code).toBe(1);
  expect(err).toContain(`${file}:16: spec.replicas`);
  expect(err).toContain("None of the objects was applied");
  expect((await lighthouse(["get", "app", "good"])).err).toContain('"good" not found');
});

test("apply names an unknown field with its line", async () => {
  const { code, err } = await lighthouse(
    ["apply", "-f", "-"],
    app("typo", "web:v1").replace("replicas", "replica"),
  );
  expect(code).toBe(1);
  expect(err).toContain('standard input:5: unknown field "spec.replica"');
});

test("apply names a kind that the server does not have", async () => {
  const { err } = await lighthouse(
    ["apply", "-f", "-"],
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: x }\n",
  );
  expect(err).toContain("standard input:2: the server has no kind Deployment in apps/v1");
});

test("apply --dry-run changes nothing", async () => {
  const { code, out } = await lighthouse(["apply", "-f", "-", "--dry-run"], app("dry", "web:v1"));
  expect({ code, out }).toEqual({
    code: 0,
    out: "application.lighthouse.dev/dry would be applied (dry run)\n",
  });
  expect((await lighthouse(["get", "app", "dry"])).code).toBe(1);
});

test.each<[line: readonly string[], says: RegExp]>([
  [["get", "app"], /^NAME\s+READY\s+REVISION\s+PHASE\s+IMAGE\s+AGE\nweb /],
  [["get", "applications", "-A"], /^NAMESPACE\s+NAME[\s\S]*default\s+web /],
  [["get", "app", "-o", "name"], /^application\.lighthouse\.dev\/web\n/],
  [["get", "app", "web", "-o", "wide"], /TARGET\s+BATCH/],
  [["get", "app/web", "ns/default"], /application\.lighthouse\.dev\/web [\s\S]*namespace\/default/],
  [["get", "app", "-l", "no=such"], /^$/],
  [["get", "crd"], /applications\.lighthouse\.dev/],
  [["describe", "app", "web"], /Name:\s+web[\s\S]*Images:\s+web:v2[\s\S]*Pods: <none>/],
  [["describe", "ns", "default"], /kind: Namespace[\s\S]*Events: <none>/],
  [["rollout", "history", "web"], /^REVISION\s+NAME/],
  [["rollout", "status", "web", "--no-wait"], /waiting for the controller/],
  [["version"], /Client: \d[\s\S]*Server: v1\.33\./],
])("%j", async (line, says) => {
  const { code, out } = await lighthouse(line);
  expect(code).toBe(0);
  expect(out).toMatch(says);
});

test.each<[line: readonly string[], code: number, says: string]>([
  [["get"], 2, "Missing TYPE"],
  [["get", "nonsense"], 2, 'no resource type "nonsense"'],
  [["get", "app", "none"], 1, 'applications.lighthouse.dev "none" not found'],
  [["get", "app", "web", "-A"], 2, "cannot be combined"],
  [["apply"], 2, "Missing -f FILE"],
  [["apply", "web.yaml"], 2, "Missing -f FILE"],
  [["delete", "app"], 2, "Missing NAME"],
  [["delete", "app", "none"], 1, "not found"],
  [["logs"], 2, "Give one POD"],
  [["logs", "app/web"], 1, "has no container yet"],
  [["logs", "node/x"], 2, "Logs are of a POD"],
  [["logs", "x", "--tail", "many"], 2, "--tail must be a whole number"],
  [["rollout", "status", "pod/x"], 2, "write app/NAME"],
  [["rollout", "status", "none"], 1, '"none" not found in namespace default'],
  [["rollout", "status", "web", "--timeout", "soon"], 2, "must be a duration"],
  [["rollout", "undo", "web"], 1, "no good Revision before"],
  [["rollout", "undo", "web", "--to-revision", "7"], 1, "no Revision 7, kept are: none"],
  [["completion", "tcsh"], 2, "Give one shell"],
  [["usage", "shop"], 2, 'Expected no argument, got "shop"\nUsage: lighthouse usage\nSee'],
  [["agent", "--provider", "aws"], 2, "Allowed choices are auto, gce"],
  [["docker-env", "nowhere"], 1, 'nodes "nowhere" not found'],
])("%j ends with %d and says why", async (line, code, says) => {
  const done = await lighthouse(line);
  expect(done.code).toBe(code);
  expect(done.err).toContain(says);
});

test("beacon list shows beacons as a table and as documents", async () => {
  expect(await lighthouse(["beacon", "list"])).toMatchObject({
    code: 0,
    out: "",
    err: expect.stringContaining("No beacons found"),
  });
  const beacon = "apiVersion: lighthouse.dev/v1\nkind: Beacon\nmetadata: { name: paris }\n";
  await lighthouse(["apply", "-f", "-"], beacon);
  const wide = await lighthouse(["beacon", "list", "-o", "wide"]);
  expect(wide.out).toMatch(
    /^NAME +CONNECTED .* KEYS +ADDRESS +LAST SEEN\nparis +<none> +0 +<none>/,
  );
  const { out } = await lighthouse(["beacon", "list", "-o", "json"]);
  expect(JSON.parse(out)).toMatchObject({ items: [{ name: "paris", keys: 0 }], waiting: [] });
  expect((await lighthouse(["beacon", "list", "-o", "yaml"])).out).toContain("- name: paris\n");
  await lighthouse(["delete", "beacon", "paris"]);
});

test("rollout status gives up after --timeout", async () => {
  const { code, err } = await lighthouse(["rollout", "status", "web", "--timeout", "1s"]);
  expect(code).toBe(exitCode.timedOut);
  expect(err).toContain("has no verdict after 1 s");
});

test.each<[words: readonly string[], offers: readonly string[]]>([
  [["ro"], ["rollout"]],
  [
    ["rollout", ""],
    ["status", "history", "pause", "resume", "approve", "retry", "restart", "undo"],
  ],
  [["get", "app"], ["applications"]],
  [["get", "app", ""], ["web"]],
  [["get", "-n", "kube-n"], ["kube-node-lease"]],
  [["get", "-o", "y"], ["yaml"]],
  [["agent", "--provider", "l"], ["local"]],
  [["get", "--field"], ["--field-selector"]],
  [["apply", "-f", ""], [":file"]],
  [["rollout", "status", ""], ["app/web"]],
  [["get", "nonsense", ""], []],
])("completion of %j", async (words, offers) => {
  const { code, out } = await lighthouse(["__complete", "--", ...words]);
  expect(code).toBe(0);
  const offered = out.split("\n").flatMap((line) => line.split("\t")[0] || []);
  expect(offered).toEqual(offers);
});

test("delete waits until the object is gone", async () => {
  const { code, out } = await lighthouse(["delete", "cm", "settings"]);
  expect({ code, out }).toEqual({ code: 0, out: 'configmap "settings" deleted\n' });
  expect((await lighthouse(["get", "cm", "settings"])).code).toBe(1);
});

test("apply says unchanged when only defaults are between the file and the object", async () => {
  const ports = app("ports", "web:v1").replace(
    'image: "web:v1" }',
    'image: "web:v1", ports: [{ containerPort: 80 }] }',
  );
  await lighthouse(["apply", "-f", "-"], ports);
  const same = await lighthouse(["apply", "-f", "-"], ports);
  expect(same.out).toBe("application.lighthouse.dev/ports unchanged\n");
});

test("pause and resume change that field alone, and are idempotent", async () => {
  await lighthouse(["apply", "-f", "-"], app("held", "web:v1"));
  const paused = await lighthouse(["rollout", "pause", "held", "-o", "json"]);
  expect(JSON.parse(paused.out)).toMatchObject({ spec: { paused: true, replicas: 2 } });
  expect(paused.err).toBe("application/held paused\n");
  expect((await lighthouse(["rollout", "pause", "held"])).out).toBe(
    "application/held is paused already\n",
  );
  const restart = await lighthouse(["rollout", "restart", "held"]);
  expect(restart.code).toBe(exitCode.failed);
  expect(restart.err).toContain('resume it first with "lighthouse rollout resume held"');
  expect((await lighthouse(["rollout", "resume", "held", "-o", "name"])).out).toBe(
    "application.lighthouse.dev/held\n",
  );
  expect((await lighthouse(["rollout", "resume", "held"])).out).toBe(
    "application/held is not paused\n",
  );
});

test("restart marks the template as kubectl does", async () => {
  await lighthouse(["apply", "-f", "-"], app("again", "web:v1"));
  expect((await lighthouse(["rollout", "restart", "again"])).out).toBe(
    "application/again restarted\n",
  );
  const { out } = await lighthouse(["get", "app", "again", "-o", "json"]);
  expect(JSON.parse(out)).toMatchObject({
    spec: {
      template: {
        metadata: {
          annotations: { "kubectl.kubernetes.io/restartedAt": expect.stringMatching(/^2\d{3}-/) },
        },
      },
    },
  });
});

test.each<[line: readonly string[], code: number, says: string]>([
  [["rollout", "approve", "web"], 1, "nothing waits for an approval"],
  [["rollout", "approve", "web", "--revision", "9"], 1, "no Revision 9, kept are: none"],
  [["rollout", "retry", "web"], 1, "Cannot retry application/web: nothing of it failed"],
  [["rollout", "restart", "web", "--timeout", "1s"], 2, "--timeout needs --wait"],
  [["rollout", "history", "web", "--diff"], 1, "has no Revision yet"],
  [["rollout", "history", "web", "--diff", "1", "--revision", "1"], 2, "exclude each other"],
  [["rollout", "status", "web", "--follow", "--no-wait"], 2, "exclude each other"],
  [["rollout", "status", "web", "--no-wait", "-o", "yaml"], 2, "Allowed choices are wide, json"],
  [["plan"], 2, "Missing -f FILE"],
])("%j ends with %d and says %s", async (line, code, says) => {
  const done = await lighthouse(line);
  expect(done.code).toBe(code);
  expect(done.err).toContain(says);
});

test("plan names the line of what would be refused", async () => {
  const bad = app("bad", "web:v1").replace("replicas: 2", "replicas: -2");
  const { code, err } = await lighthouse(["plan", "-f", "-"], bad);
  expect(code).toBe(exitCode.failed);
  expect(err).toContain("standard input:5: spec.replicas");
});
