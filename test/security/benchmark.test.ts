import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type OwnedClient } from "../../api/client/create-client.ts";
import type { Finding } from "../../cli/bench-security/check.ts";
import type { Flags } from "../../cli/command.ts";
import { runBenchSecurity } from "../../cli/commands/bench-security.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";

let rig: AttackRig;
let client: OwnedClient;

beforeAll(async () => {
  rig = await openAttackRig();
  const { server, authority, client: own } = rig.server.admin;
  const credentials = { clientCert: own.certificate, clientKey: own.key };
  client = createClient({ server, ca: authority, credentials });
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

async function bench(flags: Flags = {}) {
  const { server, authority: ca } = rig.server.admin;
  let out = "";
  const code = await runBenchSecurity({
    args: [],
    flags: { "data-dir": rig.dataDir, output: "json", ...flags },
    signal: AbortSignal.timeout(20_000),
    connect: async () => ({
      client,
      namespace: "default",
      server,
      config: { server, ca },
      close: async () => {},
    }),
    io: {
      out: (text) => void (out += text),
      err: () => {},
      isTerminal: false,
      color: false,
      env: {},
      readStdin: async () => "",
      clock: { nowMs: () => Date.now() },
    },
  });
  const { findings } = JSON.parse(out) as { readonly findings: readonly Finding[] };
  return { code, outcomes: new Map(findings.map(({ id, outcome }) => [id, outcome])), findings };
}

test("a fresh server has no failure, and what can be known from outside is known", async () => {
  const { code, outcomes } = await bench();
  expect([...outcomes].filter(([, outcome]) => outcome === "FAIL")).toEqual([]);
  expect(code).toBe(0);
  for (const id of [
    "LH-1.1",
    "LH-1.3",
    "LH-2.1",
    "LH-2.2",
    "LH-2.3",
    "LH-3.1",
    "LH-5.1",
    "LH-6.1",
  ]) {
    expect([id, outcomes.get(id)]).toEqual([id, "PASS"]);
  }
});

test("what somebody opened is found, with who and where", async () => {
  await chmod(join(rig.dataDir, "pki", "ca.key"), 0o644);
  await rig.arrange("POST", "/api/v1/namespaces", {
    metadata: { name: "open", labels: { "pod-security.kubernetes.io/enforce": "privileged" } },
  });
  await rig.arrange("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
    metadata: { name: "too-much" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name: "default", namespace: "open" }],
  });
  const { code, findings } = await bench();
  expect(code).toBe(1);
  const told = new Map(findings.map(({ id, outcome, evidence }) => [id, `${outcome} ${evidence}`]));
  expect(told.get("LH-1.1")).toMatch(/^FAIL .*ca\.key is 644/);
  expect(told.get("LH-5.1")).toBe(
    "WARN ServiceAccount open/default by ClusterRoleBinding too-much",
  );
  expect(told.get("LH-5.5")).toMatch(/^FAIL ServiceAccount open\/default/);
  expect(told.get("LH-6.1")).toBe("FAIL open");
});

test("one item can be asked for, by our name or by the benchmark's", async () => {
  const { findings } = await bench({ check: ["5.1.8", "LH-2.1"] });
  expect(findings.map(({ id }) => id)).toEqual(["LH-2.1", "LH-5.8", "LH-5.9"]);
  await expect(bench({ check: ["9.9"] })).rejects.toThrow('--check must name a check, is "9.9"');
});
