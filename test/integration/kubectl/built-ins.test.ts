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

/** The oldest that is supported in full, and the newest: what lies between is in the contract. */
const clients = kubectls().filter(({ minor }) => minor === "1.27" || minor === "1.33");
const missing = clients.length === 0 ? "neither kubectl 1.27 nor 1.33 is there" : undefined;

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const node = (name: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "node-role.kubernetes.io/docker": "" } },
  });
const pod = (name: string, nodeName: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { nodeName, containers: [{ name: "web", image: "web:v1" }] },
  });
const event = (name: string, about: string, group: "v1" | "events.k8s.io/v1"): string =>
  JSON.stringify({
    apiVersion: group,
    kind: "Event",
    metadata: { name },
    reason: "Started",
    type: "Normal",
    ...(group === "v1"
      ? {
          involvedObject: { apiVersion: "v1", kind: "Pod", namespace: "default", name: about },
          message: "Started by the older API",
          count: 2,
          lastTimestamp: new Date().toISOString(),
        }
      : {
          regarding: { apiVersion: "v1", kind: "Pod", namespace: "default", name: about },
          note: "Started by the newer API",
          eventTime: new Date().toISOString(),
          reportingController: "lighthouse.dev/test",
          reportingInstance: "test-1",
          action: "Start",
        }),
  });

describe.skipIf(skipReason("kubectl", missing))("kubectl and the built-in kinds", () => {
  let env: Env;
  let home: string;
  let client: OwnedClient;
  let controllers: Promise<void>;
  const stop = new AbortController();

  beforeAll(async () => {
    env = await startEnv();
    home = await mkdtemp(join(tmpdir(), "lighthouse-kubectl-"));
    client = createClient(env.controllers);
    const options = { client, clock: systemClock, log: quiet, election: false };
    controllers = runControllers(options, stop.signal);
  });
  afterAll(async () => {
    stop.abort();
    await controllers;
    await client[Symbol.asyncDispose]();
    await env.stop();
    await rm(home, { recursive: true, force: true });
  });

  describe.each(clients)("$minor", ({ path, minor = "" }) => {
    const own = minor.replace(".", "-");
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
    const create = (manifest: string): Promise<string> => out(["create", "-f", "-"], manifest);

    test("cluster-info finds the control plane, and services are there to be listed", async () => {
      expect(await out(["cluster-info"])).toContain(env.url);
      const { stdout, stderr } = await kubectl(["get", "services", "-A"]);
      expect(stdout + stderr).toContain("No resources found");
      const refused = await kubectl(["create", "service", "clusterip", "web", "--tcp=80"]);
      expect(refused.stderr).toMatch(/plain Docker hosts have no virtual IP addresses/);
    });

    test("top says that nothing was measured", async () => {
      const { code, stderr, stdout } = await kubectl(["top", "pods"]);
      expect(stdout + stderr).toMatch(/No resources found|[Mm]etrics not available/);
      expect(code).toBeLessThan(2);
      const nodes = await kubectl(["top", "nodes"]);
      expect(nodes.stdout + nodes.stderr).toMatch(/[Mm]etrics not available|No resources found/);
    });

    test("events of both groups are shown, and watched", async () => {
      const name = `seen-${own}`;
      await create(event(`${name}.1`, name, "v1"));
      await create(event(`${name}.2`, name, "events.k8s.io/v1"));
      for (const kind of ["events", "events.events.k8s.io"]) {
        const shown = await out(["get", kind]);
        expect(shown).toContain("Started by the older API");
        expect(shown).toContain("Started by the newer API");
      }
      const told = await out(["events", "--for", `pod/${name}`]);
      expect(told).toMatch(/Normal\s+Started\s+Pod\/seen/);
      const watched = await kubectl(["events", "-w", "--request-timeout=2s"]);
      expect(watched.stdout).toContain("Started by the newer API");
    });

    test("describe shows a pod with its events", async () => {
      const name = `described-${own}`;
      await create(pod(name, `nowhere-${own}`));
      const uid = await out(["get", "pod", name, "-o", "jsonpath={.metadata.uid}"]);
      const about = JSON.parse(event(`${name}.1`, name, "v1"));
      about.involvedObject.uid = uid;
      await create(JSON.stringify(about));
      const shown = await out(["describe", "pod", name]);
      expect(shown).toMatch(/Service Account:\s+default/);
      expect(shown).toContain("Started by the older API");
    });

    test("describe shows namespaces, accounts, secrets and nodes", async () => {
      const name = `space-${own}`;
      await out(["create", "namespace", name]);
      await eventually("the namespace gets its defaults", async () => {
        const { stdout } = await kubectl(["get", "sa,cm", "-n", name, "-o", "name"]);
        return stdout.includes("serviceaccount/default") && stdout.includes("kube-root-ca.crt");
      });
      expect(await out(["describe", "namespace", name])).toMatch(/Status:\s+Active/);
      expect(await out(["describe", "sa", "default", "-n", name])).toMatch(/Name:\s+default/);
      const literal = ["--from-literal=user=admin"];
      await out(["create", "secret", "generic", "login", "-n", name, ...literal]);
      expect(await out(["describe", "secret", "login", "-n", name])).toMatch(/user:\s+5 bytes/);
      await create(node(`described-${own}`));
      expect(await out(["describe", "node", `described-${own}`])).toMatch(/Roles:\s+docker/);
      await out(["delete", "namespace", name]);
      expect((await kubectl(["get", "namespace", name])).stderr).toContain("not found");
    });

    test("debug asks for an ephemeral container", async () => {
      const name = `debugged-${own}`;
      await create(pod(name, `nowhere-${own}`));
      const { code, stderr } = await kubectl([
        "debug",
        name,
        "--image=busybox",
        "--target=web",
        "-c",
        "debugger",
        "--attach=false",
      ]);
      expect(`${code} ${stderr}`).toMatch(/^0 /);
      const path = "jsonpath={.spec.ephemeralContainers[*].name}";
      expect(await out(["get", "pod", name, "-o", path])).toBe("debugger");
    });

    test("drain evicts what runs on a node", async () => {
      const [name, host] = [`drained-${own}`, `host-${own}`];
      await create(node(host));
      await create(pod(name, host));
      const draining = kubectl(["drain", host, "--force", "--timeout=20s", "--grace-period=1"]);
      await eventually("the pod is asked to go", async () => {
        const shown = "jsonpath={.metadata.deletionTimestamp}";
        return (await out(["get", "pod", name, "-o", shown])) !== "";
      });
      // As the agent of the host does once the containers are gone.
      await out(["delete", "pod", name, "--force", "--grace-period=0"]);
      const { code, stdout, stderr } = await draining;
      expect(`${code} ${stderr}`).toMatch(/^0 /);
      expect(stdout).toContain(`node/${host} drained`);
      expect(await out(["get", "node", host])).toContain("SchedulingDisabled");
      await out(["uncordon", host]);
    });

    test("the namespaces that everything needs cannot be deleted", async () => {
      const { code, stderr } = await kubectl(["delete", "namespace", "default", "kube-system"]);
      expect(code).toBe(1);
      expect(stderr).toContain(
        'namespaces "default" is forbidden: this namespace may not be deleted',
      );
    });

    test("what plain Docker cannot do is refused by name", async () => {
      const asked = JSON.parse(pod(`refused-${own}`, ""));
      asked.spec.affinity = { podAffinity: {} };
      const { code, stderr } = await kubectl(["create", "-f", "-"], JSON.stringify(asked));
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /spec\.affinity\.podAffinity: Forbidden: not supported on plain Docker hosts/,
      );
    });
  });
});
