import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import { runControllers } from "../../../controllers/main.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { kubectls } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type Ran, run } from "../../kit/run.ts";

const [client] = kubectls().filter(({ minor }) => minor === "1.33");
const missing = client === undefined ? "kubectl 1.33 is not there" : undefined;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const pod = (name: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "shop" },
    spec: { containers: [{ name: "web", image: "web:v1" }] },
  });

const range = JSON.stringify({
  apiVersion: "v1",
  kind: "LimitRange",
  metadata: { name: "sizes", namespace: "shop" },
  spec: { limits: [{ type: "Container", default: { cpu: "200m" }, max: { cpu: "1" } }] },
});

const application = JSON.stringify({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name: "web", namespace: "shop" },
  spec: {
    replicas: 3,
    template: { spec: { containers: [{ name: "web", image: "web:v1" }] } },
  },
});

describe.skipIf(skipReason("kubectl", missing))("kubectl, quotas and limits", () => {
  let env: Env;
  let home: string;
  let controllers: Promise<void>;
  let api: OwnedClient;
  const stop = new AbortController();

  beforeAll(async () => {
    env = await startEnv();
    home = await mkdtemp(join(tmpdir(), "lighthouse-quotas-"));
    api = createClient(env.controllers);
    const options = { client: api, clock: systemClock, log: quiet, election: false };
    controllers = runControllers(options, stop.signal);
  });
  afterAll(async () => {
    stop.abort();
    await controllers;
    await api[Symbol.asyncDispose]();
    await env.stop();
    await rm(home, { recursive: true, force: true });
  });

  const kubectl = (args: readonly string[], stdin?: string): Promise<Ran> =>
    run([client?.path ?? "kubectl", "-n", "shop", ...args], {
      env: { KUBECONFIG: env.kubeconfig, HOME: home },
      ...(stdin === undefined ? {} : { stdin }),
    });
  const out = async (args: readonly string[], stdin?: string): Promise<string> => {
    const { code, stdout, stderr } = await kubectl(args, stdin);
    expect(`${code} ${stderr}`).toMatch(/^0 /);
    return stdout;
  };
  const shown = (why: string, args: readonly string[], want: RegExp): Promise<string> =>
    eventually(why, async () => {
      const text = await out(args);
      return want.test(text) ? text : undefined;
    });

  test("a quota is made, described, kept and given back", async () => {
    await out(["create", "namespace", "shop"]);
    await out(["create", "-f", "-"], range);
    expect(await out(["describe", "limits"])).toMatch(/Container\s+cpu\s+-\s+1\s+200m\s+200m\s+-/);
    await out(["create", "quota", "cap", "--hard=pods=2,requests.cpu=1,count/configmaps=9"]);
    await shown("the quota is counted", ["describe", "quota", "cap"], /pods\s+0\s+2/);
    await out(["create", "-f", "-"], pod("a"));
    await out(["create", "-f", "-"], pod("b"));
    const refused = await kubectl(["create", "-f", "-"], pod("c"));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      'pods "c" is forbidden: exceeded quota: cap, requested: pods=1, used: pods=2, limited: pods=2',
    );
    await shown("what is taken is shown", ["get", "quota"], /requests\.cpu: 400m\/1/);
    await out(["delete", "pod", "a", "--force", "--grace-period=0"]);
    await shown("it is given back", ["describe", "quota", "cap"], /pods\s+1\s+2/);
    await out(["create", "-f", "-"], pod("c"));
    await out(["delete", "pods", "--all", "--force", "--grace-period=0"]);
  });

  test("an Application says that it waits for quota, and goes on when there is more", async () => {
    await shown("all is given back", ["describe", "quota", "cap"], /pods\s+0\s+2/);
    await out(["create", "-f", "-"], application);
    const status = ["get", "application", "web", "-o", "jsonpath={.status}"];
    await shown("the quota is named", status, /exceeded quota: cap.*"reason":"QuotaExceeded"/s);
    await out(["patch", "quota", "cap", "--type=merge", "-p", '{"spec":{"hard":{"pods":"9"}}}']);
    await shown("all slots have Pods", ["get", "pods", "-o", "name"], /^(pod\/web\S*\s*){3}$/);
  });
});
