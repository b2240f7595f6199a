import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { fakeStreams } from "../../kit/fake-streams.ts";
import { kubectls } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type Ran, run } from "../../kit/run.ts";

const minors = ["1.20", "1.27", "1.29", "1.32", "1.33"];
const all = kubectls();
const chosen = all.filter(({ minor = "" }) => minors.includes(minor));
const clients = chosen.length > 0 ? chosen : all.slice(-1);
const missing = clients.length === 0 ? "no kubectl on PATH" : undefined;

const application = (name: string, image = "web:1"): string =>
  JSON.stringify({
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name, labels: { name } },
    spec: { replicas: 2, template: { spec: { containers: [{ name: "web", image }] } } },
  });
const pod = (name: string, node: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { name } },
    spec: { nodeName: node, containers: [{ name: "web", image: "web:1" }] },
  });
const node = (name: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  });

describe.skipIf(skipReason("kubectl", missing))("kubectl against the object endpoints", () => {
  let env: Env;
  let home: string;

  beforeAll(async () => {
    env = await startEnv();
    home = await mkdtemp(path.join(tmpdir(), "lighthouse-kubectl-"));
  });
  afterAll(async () => {
    await env.stop();
    await rm(home, { recursive: true, force: true });
  });

  describe.each(clients)("$minor", ({ path: binary, minor = "any" }) => {
    const isAtLeast = (wanted: number): boolean =>
      minor === "any" || Number(minor.slice(2)) >= wanted;
    const id = minor.replace(".", "-");
    const name = (text: string): string => `${text}-${id}`;
    const environment = (): NodeJS.ProcessEnv => ({
      KUBECONFIG: env.kubeconfig,
      HOME: path.join(home, minor),
    });
    const kubectl = (args: readonly string[], stdin?: string): Promise<Ran> =>
      run([binary, ...args], {
        env: environment(),
        ...(stdin === undefined ? {} : { stdin }),
      });
    const out = async (args: readonly string[], stdin?: string): Promise<string> => {
      const { code, stdout, stderr } = await kubectl(args, stdin);
      expect(`${code} ${stderr}`).toMatch(/^0 /);
      return stdout;
    };
    const apply = (manifest: string): Promise<string> => out(["apply", "-f", "-"], manifest);
    /** Runs in the background; its output so far can be read at any time. */
    const start = (args: readonly string[]): { text: () => string; ended: Promise<unknown> } => {
      const child = spawn(binary, args, { env: { ...process.env, ...environment() } });
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      const ended = new Promise((resolve) => {
        child.on("close", resolve);
      });
      background.push(() => child.kill());
      return { text: () => text, ended };
    };
    const background: (() => void)[] = [];
    afterAll(() => {
      for (const kill of background) kill();
    });

    test("apply creates, sees no change, and changes", async () => {
      const app = name("apply");
      expect(await apply(application(app))).toContain("created");
      expect(await apply(application(app))).toContain("unchanged");
      expect(await apply(application(app, "web:2"))).toContain("configured");
      expect(await out(["get", "app", app])).toMatch(/IMAGE\s+AGE\n.*web:2\s+\d+s/);
    });

    // Patches of subresources came with 1.24, waits for a path with 1.23, Strict validation with 1.25.
    test.runIf(isAtLeast(24))(
      "get -w prints each change once, and wait sees a condition",
      async () => {
        const app = name("watched");
        await apply(application(app));
        const watching = start(["get", "app", "-w", "-l", `name=${app}`, "--no-headers"]);
        await eventually("the watch shows the state", () => watching.text().includes(app));
        const waiting = start(["wait", `app/${app}`, "--for=condition=Ready", "--timeout=20s"]);
        const conditions = [
          {
            type: "Ready",
            status: "True",
            reason: "AllReady",
            message: "ready",
            lastTransitionTime: "2026-01-01T00:00:00Z",
          },
        ];
        const status = JSON.stringify({ status: { ready: "2/2", conditions } });
        const patch = ["patch", "app", app, "--subresource=status", "--type=merge", "-p", status];
        await out(patch);
        expect(await waiting.ended).toBe(0);
        await eventually("the watch shows the change", () => watching.text().includes("2/2"));
        expect(watching.text().trim().split("\n")).toHaveLength(2);
      },
    );

    // Lists by watch are an option of 1.32 and the default of later ones; 1.29 ignores the switch.
    test.runIf(isAtLeast(23))("wait and delete work with streamed lists too", async () => {
      const app = name("streamed");
      const streamed = (args: readonly string[]): Promise<Ran> =>
        run([binary, ...args], {
          env: { ...environment(), KUBE_FEATURE_WatchListClient: "true" },
          timeoutMs: 20_000,
        });
      await apply(application(app));
      const condition = "--for=jsonpath={.spec.replicas}=2";
      expect((await streamed(["wait", `app/${app}`, condition])).stdout).toContain("condition met");
      expect((await streamed(["delete", "app", app])).code).toBe(0);
      expect((await streamed(["wait", `app/${app}`, "--for=delete"])).code).toBe(0);
    });

    test("scale reads and writes the subresource", async () => {
      const app = name("scaled");
      await apply(application(app));
      expect(await out(["scale", "app", app, "--replicas=5"])).toContain("scaled");
      expect(await out(["get", "app", app, "-o", "jsonpath={.spec.replicas}"])).toBe("5");
      const guarded = ["scale", "app", app, "--current-replicas=5", "--replicas=6"];
      expect(await out(guarded)).toContain("scaled");
      const { code, stderr } = await kubectl(guarded);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining("Expected replicas to be 5, was 6"),
      ]);
    });

    test("delete waits for the last finalizer", async () => {
      const app = name("finalized");
      await apply(application(app));
      const finalizers = (list: readonly string[]): Promise<string> =>
        out([
          "patch",
          "app",
          app,
          "--type=merge",
          "-p",
          JSON.stringify({ metadata: { finalizers: list } }),
        ]);
      await finalizers(["a.example/b"]);
      const deleting = start(["delete", "app", app]);
      await eventually(
        "the deletion is asked for",
        async () =>
          (await out(["get", "app", app, "-o", "jsonpath={.metadata.deletionTimestamp}"])) !== "",
      );
      await finalizers([]);
      expect(await deleting.ended).toBe(0);
      const { code, stderr } = await kubectl(["get", "app", app]);
      expect([code, stderr]).toEqual([1, expect.stringContaining("NotFound")]);
    });

    test("drain cordons, evicts, and goes when the agent has ended the pods", async () => {
      const host = name("host");
      const victim = name("victim");
      await out(["create", "-f", "-"], node(host));
      await out(["create", "-f", "-"], pod(victim, host));
      expect(
        await out(["get", "pods", "-A", "--field-selector", `spec.nodeName=${host}`]),
      ).toContain(victim);
      const draining = start(["drain", host, "--force", "--timeout=30s"]);
      await eventually(
        "the pod is about to go",
        async () =>
          (await out(["get", "pod", victim, "-o", "jsonpath={.metadata.deletionTimestamp}"])) !==
          "",
      );
      expect(await out(["get", "node", host])).toContain("Ready,SchedulingDisabled");
      await out(["delete", "pod", victim, "--grace-period=0", "--force"]);
      expect(await draining.ended).toBe(0);
      expect(await out(["uncordon", host])).toContain("uncordoned");
      expect(await out(["taint", "node", host, "a=b:NoSchedule"])).toContain("tainted");
      expect(await out(["taint", "node", host, "a-"])).toContain("untainted");
    });

    test("patch, label, annotate, set image and replace write what they say", async () => {
      const one = name("edited");
      await out(["create", "-f", "-"], pod(one, "nowhere"));
      expect(await out(["label", "pod", one, "a=b"])).toContain("labeled");
      expect(await out(["annotate", "pod", one, "c=d"])).toContain("annotate");
      expect(await out(["set", "image", `pod/${one}`, "web=web:2"])).toContain("image updated");
      const json = JSON.stringify([{ op: "replace", path: "/metadata/labels/a", value: "z" }]);
      expect(await out(["patch", "pod", one, "--type=json", "-p", json])).toContain("patched");
      const seen = JSON.parse(await out(["get", "pod", one, "-o", "json"]));
      expect(seen).toMatchObject({
        metadata: { labels: { a: "z" }, annotations: { c: "d" } },
        spec: { containers: [{ image: "web:2" }] },
      });
      seen.metadata.labels.a = "y";
      expect(await out(["replace", "-f", "-"], JSON.stringify(seen))).toContain("replaced");
      const { code, stderr } = await kubectl(["replace", "-f", "-"], JSON.stringify(seen));
      expect([code, stderr]).toEqual([1, expect.stringContaining("the object has been modified")]);
      expect(
        (await kubectl(["patch", "app", name("none"), "--type=strategic", "-p", "{}"])).code,
      ).toBe(1);
    });

    test("edit stores what the editor wrote", async () => {
      const app = name("editor");
      await apply(application(app));
      const editor = path.join(home, `editor-${id}`);
      await writeFile(editor, "#!/bin/sh\nsed -i 's/replicas: 2/replicas: 7/' \"$1\"\n", {
        mode: 0o755,
      });
      const { code } = await run([binary, "edit", "app", app], {
        env: { ...environment(), KUBE_EDITOR: editor },
      });
      expect(code).toBe(0);
      expect(await out(["get", "app", app, "-o", "jsonpath={.spec.replicas}"])).toBe("7");
    });

    test("diff says what would change, and changes nothing", async () => {
      const app = name("diffed");
      await apply(application(app));
      const before = await out(["get", "app", app, "-o", "yaml"]);
      expect((await kubectl(["diff", "-f", "-"], application(app))).code).toBe(0);
      const { code, stdout } = await kubectl(["diff", "-f", "-"], application(app, "web:9"));
      expect([code, stdout]).toEqual([1, expect.stringContaining("web:9")]);
      expect(await out(["get", "app", app, "-o", "yaml"])).toBe(before);
    });

    test("lists are read in chunks, sorted, selected and over all namespaces", async () => {
      for (const number of [3, 1, 2])
        await out(["create", "-f", "-"], pod(name(`p${number}`), name("m")));
      const ours = ["get", "pods", "--field-selector", `spec.nodeName=${name("m")}`, "-o", "name"];
      const names = [1, 2, 3].map((number) => `pod/${name(`p${number}`)}`);
      expect((await out([...ours, "--chunk-size=1"])).trim().split("\n")).toEqual(names);
      const sorted = await out([...ours.slice(0, -2), "--sort-by=.metadata.name", "--no-headers"]);
      expect(sorted.trim().split("\n")).toHaveLength(3);
      expect(await out(["get", "pods", "-A", "-l", `name=${name("p1")}`, "-L", "name"])).toMatch(
        new RegExp(`default\\s+${name("p1")}.*${name("p1")}`),
      );
      expect(await out(["get", "pods", "-l", "name=none"])).toBe("");
    });

    test("logs come from the agent of the node, and describe shows events", async () => {
      const one = name("talks");
      const streams = fakeStreams({
        async *logs() {
          yield Buffer.from("hello\n");
        },
      });
      env.nodes.register(name("talking"), streams);
      await out(["create", "-f", "-"], pod(one, name("talking")));
      expect(await out(["logs", one])).toBe("hello\n");
      expect(await out(["logs", "-f", `pod/${one}`, "--tail=1"])).toBe("hello\n");
      const uid = await out(["get", "pod", one, "-o", "jsonpath={.metadata.uid}"]);
      const event = {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: `${one}.1` },
        involvedObject: { kind: "Pod", namespace: "default", name: one, uid },
        reason: "Tested",
        message: "a test has looked",
        type: "Normal",
        firstTimestamp: new Date().toISOString(),
        lastTimestamp: new Date().toISOString(),
        count: 1,
        source: { component: "test" },
      };
      await out(["create", "-f", "-"], JSON.stringify(event));
      expect(await out(["describe", "pod", one])).toMatch(
        /Normal\s+Tested.*test\s+a test has looked/,
      );
      expect(await out(["get", "events", "--field-selector", "reason=Tested"])).toContain(
        `pod/${one}`,
      );
    });

    test.runIf(isAtLeast(25))("a wrong manifest is refused with one line per field", async () => {
      const bad = application(name("bad")).replace(
        '"replicas":2',
        '"replicas":-2,"runState":"Asleep"',
      );
      const { code, stderr } = await kubectl(["apply", "-f", "-"], bad);
      expect(code).toBe(1);
      expect(stderr).toMatch(/spec\.replicas: Invalid value/);
      expect(stderr).toMatch(/spec\.runState: Unsupported value/);
      const unknown = application(name("bad")).replace('"replicas"', '"replica"');
      expect((await kubectl(["create", "-f", "-"], unknown)).stderr).toContain(
        'strict decoding error: unknown field "spec.replica"',
      );
    });
  });
});
