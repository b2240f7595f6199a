import { createPublicKey } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SignedCheckpoint } from "../../api/audit/checkpoint.ts";
import { filesOf, readLog } from "../../api/audit/log-reader.ts";
import { type Verdict, Verifier } from "../../api/audit/verify.ts";
import { type AttackRig, type AuditEvent, openAttackRig } from "./kit/rig.ts";

let rig: AttackRig;
let path: string;

beforeAll(async () => {
  rig = await openAttackRig();
  path = join(dirname(rig.dataDir), "audit.log");
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  await rig.arrange("POST", `${rbac}/clusterrolebindings`, {
    metadata: { name: "looking" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "viewer" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "ann" }],
  });
});
afterAll(() => rig[Symbol.asyncDispose]());

const ended =
  (end: string) =>
  ({ requestURI, stage }: AuditEvent): boolean =>
    requestURI.endsWith(end) && stage === "ResponseComplete";

async function verify(): Promise<Verdict> {
  const { text } = await rig.send("GET", "/audit/head", { as: rig.server.admin });
  const answer = JSON.parse(text) as { head: SignedCheckpoint; publicKey: string };
  const keys = [createPublicKey(answer.publicKey)];
  const verifier = new Verifier({ keys, head: answer.head });
  for await (const { text: line, ...place } of readLog(await filesOf(path))) {
    if (!verifier.take(line, place)) break;
  }
  return verifier.verdict();
}

test("what is allowed says by which binding, what is refused says that", async () => {
  const ann = await rig.as("ann");
  await rig.send("GET", "/api/v1/nodes?marked=allowed", { as: ann });
  await rig.send("GET", "/api/v1/secrets?marked=refused", { as: ann });
  const allowed = await rig.audited("allowed", ended("marked=allowed"));
  expect(allowed.annotations).toMatchObject({
    "authorization.k8s.io/decision": "allow",
    "authorization.k8s.io/reason":
      'RBAC: allowed by ClusterRoleBinding "looking" of ClusterRole "viewer" to User "ann"',
  });
  const refused = await rig.audited("refused", ended("marked=refused"));
  expect(refused.user.username).toBe("ann");
  expect(refused.responseStatus?.code).toBe(403);
  expect(refused.annotations).toMatchObject({ "authorization.k8s.io/decision": "forbid" });
});

test("who may not act as others is recorded as who they are", async () => {
  const ann = await rig.as("ann");
  const headers = { "impersonate-user": "admin", "impersonate-group": "system:masters" };
  const { status } = await rig.send("GET", "/api/v1/secrets?marked=acting", { as: ann, headers });
  expect(status).toBe(403);
  const seen = await rig.audited("acting", ended("marked=acting"));
  expect(seen.user.username).toBe("ann");
  expect(seen.impersonatedUser).toBeUndefined();
  expect(seen.annotations).toMatchObject({ "authorization.k8s.io/decision": "forbid" });
});

test("strangers are recorded, also where no route is reached", async () => {
  const authorization = "Bearer not-a-token-of-ours";
  await rig.send("GET", "/api/v1/pods?marked=stranger", { headers: { authorization } });
  await rig.send("GET", `/${"x".repeat(20_000)}`);
  await rig.send("GET", "/api/v1/%zz?marked=broken");
  await rig.raw("NONSENSE\r\n\r\n");
  const stranger = await rig.audited("401", ended("marked=stranger"));
  expect(stranger.responseStatus).toMatchObject({
    code: 401,
    message: "Authentication failed, attempted: bearer",
  });
  expect(stranger.annotations).not.toHaveProperty(["authorization.k8s.io/decision"]);
  await rig.audited("414", (one) => one.responseStatus?.code === 414);
  await rig.audited("a broken URL", ended("marked=broken"));
  await rig.audited(
    "no HTTP",
    ({ annotations = {} }) => "lighthouse.dev/unreadable" in annotations,
  );
  await rig.stillServes();
});

test("nobody writes lines of their own, or hides in one", async () => {
  const name = "eve\nroot\u001b[2J";
  const forged = '","annotations":{"audit.lighthouse.dev/sequence":"1"}}';
  const as = await rig.as(name, "a\nb");
  await rig.send("GET", `/api/v1/pods?x=%0a%7b%22verb%22:%22forged%22%7d&marked=lines`, {
    as,
    headers: { "user-agent": `${forged}\u009b31m`, "audit-id": forged },
  });
  const seen = await rig.audited("the lines", ended("marked=lines"));
  expect(seen.user.username).toBe(name);
  expect(seen.auditID).toMatch(/^[0-9a-f-]{36}$/);
  for await (const { text } of readLog(await filesOf(path))) {
    expect((JSON.parse(text) as { readonly verb: string }).verb).not.toBe("forged");
  }
  expect((await verify()).broken).toBeUndefined();
});

test("credentials in a URL are not recorded", async () => {
  await rig.send("GET", "/auth/setup?token=hunter2&marked=url");
  const seen = await rig.audited("the URL", ended("marked=url"));
  expect(seen.requestURI).toBe("/auth/setup?token=REDACTED&marked=url");
});

test("where a request comes from is nothing that strangers can say", async () => {
  const headers = { "x-forwarded-for": "203.0.113.9" };
  await rig.send("GET", "/version?marked=from", { headers });
  const seen = await rig.audited("the source", ended("marked=from"));
  expect(seen.sourceIPs).toEqual(["127.0.0.1"]);
  await using behind = await openAttackRig({ config: { trustedProxies: ["127.0.0.0/8"] } });
  const chain = { "x-forwarded-for": "198.51.100.1, 203.0.113.9, 127.0.0.2" };
  await behind.send("GET", "/version?marked=proxied", { headers: chain });
  const proxied = await behind.audited("the source", ended("marked=proxied"));
  expect(proxied.sourceIPs).toEqual(["203.0.113.9", "127.0.0.2", "127.0.0.1"]);
});

test("a storm of strangers does not fill the log, and is counted", async () => {
  await using stormy = await openAttackRig();
  const attempts = 150;
  for (let index = 0; index < attempts; index += 10) {
    const wave = Array.from({ length: 10 }, () => stormy.send("GET", "/api/v1/pods"));
    for (const { status } of await Promise.all(wave)) expect(status).toBe(401);
  }
  await stormy.stillServes();
  const log = join(dirname(stormy.dataDir), "audit.log");
  await stormy.audited("the honest client", (one) =>
    one.requestURI.endsWith("/namespaces/default"),
  );
  const lines = (await readFile(log, "utf8")).split("\n");
  const recorded = lines.filter((line) => line.includes('"code":401')).length;
  expect(recorded).toBeGreaterThanOrEqual(60);
  expect(recorded).toBeLessThan(attempts);
});

test("a line that is taken out of the file of a running server is missed", async () => {
  await rig.arrange("GET", "/api/v1/nodes?marked=prize");
  await rig.audited("the prize", (one) => one.requestURI.endsWith("marked=prize"));
  expect((await verify()).broken).toBeUndefined();
  const lines = (await readFile(path, "utf8")).split("\n");
  const index = lines.findIndex((line) => line.includes("marked=prize"));
  await writeFile(path, lines.toSpliced(index, 1).join("\n"));
  const { broken } = await verify();
  expect(broken?.place).toEqual({ file: path, line: index + 1 });
  await rig.stillServes();
});

test("who reads the log needs a right of its own", async () => {
  const ann = await rig.as("ann");
  expect((await rig.send("GET", "/audit", { as: ann })).status).toBe(403);
  expect((await rig.send("GET", "/audit/head", { as: ann })).status).toBe(403);
  expect((await rig.send("GET", "/audit")).status).toBe(401);
  const { text, status } = await rig.send("GET", "/audit?user=ann&code=403", {
    as: rig.server.admin,
  });
  expect(status).toBe(200);
  expect(text.split("\n").filter((line) => line !== "").length).toBeGreaterThan(0);
  for (const query of ["code=x", "user=a&user=b", "__proto__=1", "since=never"]) {
    expect((await rig.send("GET", `/audit?${query}`, { as: rig.server.admin })).status).toBe(400);
  }
});
