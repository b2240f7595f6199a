import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { kubectls } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type Ran, run } from "../../kit/run.ts";

const minors = ["1.27", "1.33"];
const all = kubectls();
const chosen = all.filter(({ minor = "" }) => minors.includes(minor));
const clients = chosen.length > 0 ? chosen : all.slice(-1);
const missing = clients.length === 0 ? "no kubectl on PATH" : undefined;

const rbac = "rbac.authorization.k8s.io";

describe.skipIf(skipReason("kubectl", missing))("access, as kubectl sees it", () => {
  let env: Env;
  let home: string;
  beforeAll(async () => {
    env = await startEnv();
    home = await mkdtemp(path.join(tmpdir(), "lighthouse-access-"));
  });
  afterAll(async () => {
    await env.stop();
    await rm(home, { recursive: true, force: true });
  });

  describe.each(clients)("$minor", ({ path: binary, minor = "any" }) => {
    const space = `team-${minor.replace(".", "-")}`;
    const kubectl = (args: readonly string[], stdin?: string, config?: string): Promise<Ran> =>
      run([binary, ...args], {
        env: { KUBECONFIG: config ?? env.kubeconfig, HOME: path.join(home, minor) },
        ...(stdin === undefined ? {} : { stdin }),
      });
    const out = async (
      args: readonly string[],
      stdin?: string,
      config?: string,
    ): Promise<string> => {
      const { code, stdout, stderr } = await kubectl(args, stdin, config);
      expect(`${code} ${stderr}`).toMatch(/^0 /);
      return stdout.trim();
    };
    /** A kubeconfig with nothing but a token in it. */
    const withToken = async (token: string): Promise<string> => {
      const file = path.join(home, `${minor}-token`);
      const config = {
        apiVersion: "v1",
        kind: "Config",
        "current-context": "x",
        clusters: [
          {
            name: "x",
            cluster: { server: env.url, "certificate-authority-data": btoa(env.admin.ca ?? "") },
          },
        ],
        users: [{ name: "x", user: { token } }],
        contexts: [{ name: "x", context: { cluster: "x", user: "x" } }],
      };
      await writeFile(file, JSON.stringify(config), { mode: 0o600 });
      return file;
    };
    beforeAll(() => out(["create", "namespace", space]));

    test("whoami names user and groups, impersonated ones too", async () => {
      expect(await out(["auth", "whoami"])).toMatch(
        /Username\s+admin\nGroups\s+\[system:masters system:authenticated\]/,
      );
      const as = ["--as=ann", "--as-group=dev", "--as-uid=u1"];
      expect(await out(["auth", "whoami", ...as])).toMatch(
        /Username\s+ann\nUID\s+u1\nGroups\s+\[dev system:authenticated\]/,
      );
    });

    test("a role and a binding give a right, and can-i knows it", async () => {
      const asAnn = ["-n", space, "--as=ann"];
      const before = await kubectl(["auth", "can-i", "list", "pods", ...asAnn]);
      expect([before.code, before.stdout.trim()]).toEqual([1, "no"]);
      const rules = ["--verb=get,list", "--resource=pods,pods/log"];
      await out(["-n", space, "create", "role", "reader", ...rules]);
      await out(["-n", space, "create", "rolebinding", "ann", "--role=reader", "--user=ann"]);
      await eventually("the binding holds", async () => {
        const { stdout } = await kubectl(["auth", "can-i", "list", "pods", ...asAnn]);
        return stdout.trim() === "yes";
      });
      expect(await out(["get", "pods", ...asAnn])).toBe("");
      const list = await out(["auth", "can-i", "--list", ...asAnn]);
      expect(list).toMatch(/pods\/log\s+\[\]\s+\[\]\s+\[get list\]/);
      expect(list).toMatch(/\[\/version\/?\]\s+\[\]\s+\[get/);
      const refused = await kubectl(["get", "secrets", ...asAnn]);
      expect(refused.stderr).toContain(
        `secrets is forbidden: User "ann" cannot list resource "secrets" in API group "" in the namespace "${space}"`,
      );
      const wide = await out(["-n", space, "get", "rolebindings", "-o", "wide"]);
      expect(wide).toMatch(/NAME\s+ROLE\s+AGE\s+USERS\s+GROUPS\s+SERVICEACCOUNTS/);
      expect(wide).toMatch(/ann\s+Role\/reader\s+\S+\s+ann/);
      expect(await out(["-n", space, "get", "roles"])).toMatch(
        /NAME\s+CREATED AT\nreader\s+\d{4}-/,
      );
    });

    test("an administrator may do everything, and asks for it", async () => {
      expect(await out(["auth", "can-i", "*", "*", "-A"])).toBe("yes");
      expect(await out(["auth", "can-i", "get", "/metrics"])).toBe("yes");
      const other = await kubectl(["auth", "can-i", "get", "/metrics", "--as=ann", "-q"]);
      expect(other.code).toBe(1);
    });

    test("aggregated roles show the rules of their parts", async () => {
      const label = `${rbac}/aggregate-to-${space}`;
      await out(["create", "clusterrole", space, `--aggregation-rule=${label}=true`]);
      const part = `${space}-part`;
      await out(["create", "clusterrole", part, "--verb=get", "--resource=nodes"]);
      await out(["label", "clusterrole", part, `${label}=true`]);
      await eventually("the rules arrive", async () => {
        const rules = await out(["get", "clusterrole", space, "-o", "jsonpath={.rules}"]);
        return rules.includes('"nodes"');
      });
      await out(["create", "clusterrolebinding", space, `--clusterrole=${space}`, "--group=team"]);
      const can = await out(["auth", "can-i", "get", "nodes", "--as=x", "--as-group=team"]);
      expect(can).toBe("yes");
      const admin = await out(["get", "clusterrole", "admin", "-o", "jsonpath={.rules}"]);
      expect(admin).toContain('"applications"');
      expect(await out(["describe", "clusterrole", "view"])).toMatch(
        /applications\.lighthouse\.dev/,
      );
    });

    test("nobody grants what they do not have", async () => {
      const bo = ["-n", space, "--as=bo"];
      await out(["-n", space, "create", "rolebinding", "bo", "--clusterrole=admin", "--user=bo"]);
      await eventually("bo is an admin here", async () => {
        return (await kubectl(["auth", "can-i", "create", "roles", ...bo])).code === 0;
      });
      await out(["create", "role", "mine", "--verb=get", "--resource=secrets", ...bo]);
      const role = ["create", "role", "too-much", "--verb=delete", "--resource=nodes", ...bo];
      const { stderr } = await kubectl(role);
      expect(stderr).toContain(
        `roles.${rbac} "too-much" is forbidden: user "bo" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["delete"]}`,
      );
      const binding = ["create", "rolebinding", "root", "--clusterrole=cluster-admin", "--user=bo"];
      expect((await kubectl([...binding, ...bo])).stderr).toContain("is attempting to grant");
      const nothing = ["create", "rolebinding", "none", "--clusterrole=absent", "--user=bo"];
      expect((await kubectl([...nothing, ...bo])).stderr).toContain(
        `clusterroles.${rbac} "absent" not found`,
      );
    });

    test("auth reconcile creates, adds what is missing and keeps the rest", async () => {
      const role = (verbs: readonly string[]): string =>
        JSON.stringify({
          apiVersion: `${rbac}/v1`,
          kind: "Role",
          metadata: { name: "reconciled", namespace: space },
          rules: [{ verbs, apiGroups: [""], resources: ["configmaps"] }],
        });
      const reconcile = ["auth", "reconcile", "-f", "-"];
      expect(await out(reconcile, role(["get"]))).toContain("reconciled");
      expect(await out(reconcile, role(["list"]))).toContain("reconciled");
      const get = ["-n", space, "get", "role", "reconciled", "-o", "jsonpath={.rules[*].verbs}"];
      expect(await out(get)).toBe('["get"] ["list"]');
    });

    test("auth reconcile makes a binding anew whose role is another, set subject adds", async () => {
      const make = ["create", "rolebinding", "moved", "--user=zoe", "-n", space];
      await out([...make, "--clusterrole=view"]);
      const wanted = await out([...make, "--clusterrole=edit", "--dry-run=client", "-o", "json"]);
      await out(["auth", "reconcile", "-f", "-"], wanted);
      await out(["-n", space, "set", "subject", "rolebinding", "moved", "--group=team"]);
      const shown = await out(["-n", space, "describe", "rolebinding", "moved"]);
      expect(shown).toMatch(/Kind:\s+ClusterRole\n\s+Name:\s+edit/);
      expect(shown).toMatch(/User\s+zoe\s*\n\s+Group\s+team/);
    });

    test("a ServiceAccount has a token that works, and may do what it was given", async () => {
      await out(["-n", space, "create", "serviceaccount", "robot"]);
      const rules = ["--verb=get,list", "--resource=pods,pods/exec,pods/attach"];
      await out(["-n", space, "create", "role", "looks", ...rules]);
      const account = `--serviceaccount=${space}:robot`;
      await out(["-n", space, "create", "rolebinding", "looks", "--role=looks", account]);
      await out(["-n", space, "apply", "-f", "-"], pod);
      const token = await out(["-n", space, "create", "token", "robot", "--duration=10m"]);
      const config = await withToken(token);
      expect(await out(["auth", "whoami"], undefined, config)).toContain(
        `system:serviceaccount:${space}:robot`,
      );
      await eventually("the token reads Pods", async () => {
        return (await kubectl(["-n", space, "get", "pods"], undefined, config)).code === 0;
      });
      const exec = ["-n", space, "exec", "web", "--", "sh"];
      expect((await kubectl(exec, undefined, config)).stderr).toContain(
        `User "system:serviceaccount:${space}:robot" cannot create resource "pods/exec" in API group "" in the namespace "${space}"`,
      );
      await out(["-n", space, "delete", "serviceaccount", "robot"]);
      await eventually("the token ends", async () => {
        const { stderr } = await kubectl(["-n", space, "get", "pods"], undefined, config);
        return /Unauthorized|logged in/.test(stderr);
      });
    });

    test("others can verify a token by our documents", async () => {
      await out(["-n", space, "create", "serviceaccount", "known"]);
      const audience = ["--audience=vault", "--audience=https://other"];
      const token = await out(["-n", space, "create", "token", "known", ...audience]);
      const raw = await out(["get", "--raw", "/.well-known/openid-configuration"]);
      const { issuer, jwks_uri: jwks } = JSON.parse(raw) as { issuer: string; jwks_uri: string };
      expect(jwks).toBe(`${env.url}/openid/v1/jwks`);
      const keys = JSON.parse(await out(["get", "--raw", "/openid/v1/jwks"])) as JSONWebKeySet;
      const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
        issuer,
        audience: "vault",
      });
      expect(payload.sub).toBe(`system:serviceaccount:${space}:known`);
    });

    test("a Secret of the token type is filled", async () => {
      await out(["-n", space, "create", "serviceaccount", "old"]);
      const manifest = JSON.stringify({
        apiVersion: "v1",
        kind: "Secret",
        type: "kubernetes.io/service-account-token",
        metadata: { name: "old", annotations: { "kubernetes.io/service-account.name": "old" } },
      });
      await out(["-n", space, "apply", "-f", "-"], manifest);
      const get = ["-n", space, "get", "secret", "old", "-o", "jsonpath={.data.token}"];
      await eventually("the token is there", async () => (await out(get)) !== "");
      const config = await withToken(atob(await out(get)));
      expect(await out(["auth", "whoami"], undefined, config)).toContain(`:${space}:old`);
    });

    test("too short a token is refused with the reason", async () => {
      const ask = ["-n", space, "create", "token", "default", "--duration=1m"];
      await kubectl(["-n", space, "create", "serviceaccount", "default"]);
      expect((await kubectl(ask)).stderr).toContain(
        "may not specify a duration less than 10 minutes",
      );
    });
  });
});

const pod = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web" },
  spec: { nodeName: "nowhere", containers: [{ name: "web", image: "web:1" }] },
});
