import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Env, startEnv } from "../../kit/env.ts";
import { kubectls } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type Ran, run } from "../../kit/run.ts";

const clients = kubectls();
const missing = clients.length === 0 ? "no kubectl on PATH" : undefined;

const application = (name: string, image: string, extra = ""): string => `
apiVersion: lighthouse.dev/v1
kind: Application
metadata: { name: ${name}, namespace: default }
spec:
  replicas: 2
  ${extra}
  template: { spec: { containers: [{ name: web, image: "${image}" }] } }
`;

const configMap = (name: string, value: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: default }
data: { mode: ${value} }
`;

const pod = (name: string, image: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: default }
spec:
  containers:
    - { name: web, image: "${image}", env: [{ name: A, value: "1" }] }
    - { name: side, image: "side:1" }
`;

/** One server for all clients; each client has a home of its own, as it caches discovery there. */
describe.skipIf(skipReason("kubectl", missing))("kubectl against the edge of the server", () => {
  let env: Env;
  let home: string;

  beforeAll(async () => {
    env = await startEnv();
    home = await mkdtemp(join(tmpdir(), "lighthouse-kubectl-"));
  });
  afterAll(async () => {
    await env.stop();
    await rm(home, { recursive: true, force: true });
  });

  describe.each(clients)("$minor", ({ path, minor = "1.99" }) => {
    const isAtLeast = (wanted: number): boolean => Number(minor.slice(2)) >= wanted;
    const kubectl = (args: readonly string[], stdin?: string): Promise<Ran> =>
      run([path, ...args], {
        env: { KUBECONFIG: env.kubeconfig, HOME: join(home, minor) },
        ...(stdin === undefined ? {} : { stdin }),
      });
    const out = async (args: readonly string[], stdin?: string): Promise<string> => {
      const { code, stdout, stderr } = await kubectl(args, stdin);
      expect(`${code} ${stderr}`).toMatch(/^0 /);
      return stdout;
    };

    test("version reads ours", async () => {
      const { serverVersion } = JSON.parse(await out(["version", "-o", "json"]));
      expect(serverVersion).toMatchObject({ major: "1", minor: "33" });
      expect(serverVersion.gitVersion).toMatch(/^v1\.33\.\d+\+lighthouse\./);
    });

    test("api-resources and api-versions list what is served", async () => {
      const resources = await out(["api-resources", "-o", "wide"]);
      expect(resources).toMatch(/^applications\s+app\s+lighthouse\.dev\/v1\s+true\s+Application/m);
      expect(resources).toMatch(/^nodes\s+no\s+v1\s+false\s+Node/m);
      const ours = isAtLeast(24) ? "--categories=lighthouse" : "--api-group=lighthouse.dev";
      expect(await out(["api-resources", ours, "-o", "name"])).toContain(
        "revisions.lighthouse.dev",
      );
      expect((await out(["api-versions"])).split("\n")).toEqual(
        expect.arrayContaining(["lighthouse.dev/v1", "v1"]),
      );
    });

    test("explain describes our kinds and the built-in ones", async () => {
      const strategy = await out(["explain", "application.spec.strategy"]);
      expect(strategy).toContain("How a new Revision replaces the old one");
      expect(strategy).toMatch(/progressDeadlineSeconds\t<integer>/);
      expect(await out(["explain", "pod.spec.containers.ports"])).toMatch(
        /containerPort\t<integer>/,
      );
    });

    test("create, apply and replace go through OpenAPI, and apply twice changes nothing", async () => {
      const name = `web-${minor.replace(".", "-")}`;
      expect(await out(["create", "-f", "-"], application(name, "web:1"))).toContain("created");
      const applied = await kubectl(["apply", "-f", "-"], application(name, "web:2"));
      expect(applied.stdout).toContain("configured");
      expect(await out(["apply", "-f", "-"], application(name, "web:2"))).toContain("unchanged");
      expect(await out(["get", "app", name, "-o", "jsonpath={..image}"])).toBe("web:2");
      expect(await out(["delete", "app", name])).toContain("deleted");
    });

    test("apply merges the lists of built-in kinds by their keys", async () => {
      const name = `pod-${minor.replace(".", "-")}`;
      await out(["apply", "-f", "-"], pod(name, "web:1"));
      const patch = '{"spec":{"containers":[{"name":"web","image":"web:2"}]}}';
      await out(["patch", "pod", name, "-p", patch]);
      expect(await out(["get", "pod", name, "-o", "jsonpath={..image}"])).toBe("web:2 side:1");
      await out(["apply", "-f", "-"], pod(name, "web:3"));
      expect(await out(["get", "pod", name, "-o", "jsonpath={..image}"])).toBe("web:3 side:1");
      await out(["delete", "pod", name, "--force", "--grace-period=0"]);
    });

    test("a ConfigMap is created, changed and left alone", async () => {
      const name = `map-${minor.replace(".", "-")}`;
      const apply = (value: string): Promise<string> =>
        out(["apply", "-f", "-"], configMap(name, value));
      expect(await apply("slow")).toContain("created");
      expect(await apply("slow")).toContain("unchanged");
      expect(await apply("fast")).toContain("configured");
      expect(await out(["get", "cm", name, "-o", "jsonpath={.data.mode}"])).toBe("fast");
      expect(await out(["delete", "cm", name])).toContain("deleted");
    });

    test("diff shows what apply would change, and changes nothing", async () => {
      const name = `diff-${minor.replace(".", "-")}`;
      await out(["apply", "-f", "-"], application(name, "web:1"));
      const changed = await kubectl(["diff", "-f", "-"], application(name, "web:2"));
      expect([changed.code, changed.stderr]).toEqual([1, expect.not.stringContaining("error")]);
      expect(changed.stdout).toMatch(/^\+ .*image: web:2$/m);
      expect(await out(["diff", "-f", "-"], application(name, "web:1"))).toBe("");
      await out(["delete", "app", name]);
    });

    test("scale changes an Application, wait sees its condition", async () => {
      const name = `scale-${minor.replace(".", "-")}`;
      await out(["create", "-f", "-"], application(name, "web:1"));
      expect(await out(["scale", "app", name, "--replicas=3"])).toContain("scaled");
      const live = JSON.parse(await out(["get", "app", name, "-o", "json"]));
      expect(live.spec.replicas).toBe(3);
      const condition = {
        type: "Available",
        status: "True",
        reason: "Test",
        message: "",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      };
      const status = `/apis/lighthouse.dev/v1/namespaces/default/applications/${name}/status`;
      await out(
        ["replace", "--raw", status, "-f", "-"],
        JSON.stringify({ ...live, status: { conditions: [condition] } }),
      );
      const wait = ["wait", `app/${name}`, "--for=condition=Available", "--timeout=20s"];
      expect(await out(wait)).toContain("condition met");
      expect(await out(["delete", "app", name])).toContain("deleted");
    });

    // Up to 1.24 kubectl validates by the schema itself, from 1.25 it leaves that to the server.
    test.skipIf(isAtLeast(25))("the client itself refuses a field it does not know", async () => {
      const wrong = application("wrong", "web:1", "replicaz: 3");
      const { code, stderr } = await kubectl(["create", "-f", "-"], wrong);
      expect([code, stderr]).toEqual([1, expect.stringContaining('unknown field "replicaz"')]);
    });

    test.runIf(isAtLeast(25))("validation names the field in every mode", async () => {
      const wrong = application("wrong", "web:1", "replicaz: 3");
      const strict = await kubectl(["create", "-f", "-"], wrong);
      expect([strict.code, strict.stderr]).toEqual([
        1,
        expect.stringContaining('unknown field "spec.replicaz"'),
      ]);
      const warn = await kubectl(
        ["create", "-f", "-", "--validate=warn", "--dry-run=server"],
        wrong,
      );
      expect([warn.code, warn.stderr]).toEqual([
        0,
        expect.stringContaining('Warning: unknown field "spec.replicaz"'),
      ]);
      const ignore = ["create", "-f", "-", "--validate=ignore", "--dry-run=server"];
      expect(await kubectl(ignore, wrong)).toMatchObject({ code: 0, stderr: "" });
    });

    test("who may not is told so, and --as asks for it", async () => {
      const { code, stderr } = await kubectl(["get", "pods", "--as=bob", "--as-group=dev"]);
      expect(code).toBe(1);
      expect(stderr).toContain(
        'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
      );
    });

    test("health and discovery are readable raw", async () => {
      expect(await out(["get", "--raw", "/readyz?verbose"])).toContain("[+]store ok");
      expect(await out(["get", "--raw", "/apis/lighthouse.dev"])).toContain("preferredVersion");
    });
  });
});
