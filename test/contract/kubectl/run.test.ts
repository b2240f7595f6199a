import { expect } from "vitest";
import { eventually } from "../../kit/eventually.ts";
import { application, configMap, manifests, pod } from "../kit/manifests.ts";
import { kubectlSuite } from "../kit/suite.ts";

const node = (name: string): Record<string, unknown> => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { stand: name } },
});

const condition = {
  type: "Ready",
  status: "True",
  reason: "Tested",
  message: "",
  lastTransitionTime: "2026-01-01T00:00:00Z",
};

kubectlSuite("run", (scenario) => {
  scenario("cordon, taint and label a node", async (kubectl) => {
    const name = kubectl.namespace;
    await kubectl.ok(["create", "-f", "-"], manifests(node(name)));
    expect(await kubectl.ok(["cordon", name])).toBe(`node/${name} cordoned\n`);
    expect(await kubectl.ok(["cordon", name])).toBe(`node/${name} already cordoned\n`);
    expect(await kubectl.ok(["get", "node", name])).toContain("SchedulingDisabled");
    expect(
      await kubectl.ok(["get", "nodes", "-o", "name", "--field-selector=spec.unschedulable=true"]),
    ).toContain(`node/${name}\n`);
    expect(await kubectl.ok(["uncordon", "-l", `stand=${name}`])).toBe(`node/${name} uncordoned\n`);
    expect(await kubectl.ok(["taint", "node", name, "a=b:NoSchedule", "c=d:NoExecute"])).toBe(
      `node/${name} tainted\n`,
    );
    expect(await kubectl.fails(["taint", "node", name, "a=x:NoSchedule"])).toContain("already has");
    expect(
      await kubectl.ok(["get", "node", name, "-o", "jsonpath={.spec.taints[*].key}"]),
    ).toContain("a");
    expect(await kubectl.ok(["taint", "node", name, "a-", "c-"])).toBe(`node/${name} untainted\n`);
    await kubectl.ok(["delete", "node", name]);
  });

  scenario("drain cordons, evicts, and ends when the pods are gone", async (kubectl, site) => {
    const name = kubectl.namespace;
    const victims = [pod("victim", { nodeName: name }), pod("elsewhere", { nodeName: site.node })];
    await kubectl.ok(["create", "-f", "-"], manifests(node(name), ...victims));
    expect(await kubectl.fails(["drain", name, "--timeout=5s"])).toMatch(
      /declare no controller|not managed by/,
    );
    const draining = kubectl.start(["drain", name, "--force", "--grace-period=5", "--timeout=30s"]);
    await eventually(
      "the pod is about to go",
      async () =>
        (await kubectl.ok([
          "get",
          "pod",
          "victim",
          "-o",
          "jsonpath={.metadata.deletionTimestamp}",
        ])) !== "",
      { intervalMs: 150 },
    );
    expect(await kubectl.ok(["get", "node", name])).toContain("SchedulingDisabled");
    await kubectl.ok(["delete", "pod", "victim", "--grace-period=0", "--force"]);
    expect(await draining.ended).toBe(0);
    // Up to 1.21 kubectl evicts only where there is a group `policy`, and else deletes.
    expect(draining.text()).toMatch(/evicting pod .*victim/);
    expect(await kubectl.ok(["get", "pods", "-o", "name"])).toBe("pod/elsewhere\n");
    const dry = await kubectl.ok(["drain", name, "--dry-run=server"]);
    expect(dry).toContain("drained (server dry run)");
    await kubectl.ok(["delete", "node", name]);
    await kubectl.ok(["delete", "pod", "elsewhere", "--force", "--grace-period=0"]);
  });

  scenario(
    "wait sees conditions, paths and deletions",
    async (kubectl) => {
      await kubectl.ok(
        ["create", "-f", "-"],
        manifests(application("web"), configMap("map", { a: "1" })),
      );
      const ready = kubectl.start(["wait", "app/web", "--for=condition=Ready", "--timeout=20s"]);
      const path = kubectl.start(["wait", "cm/map", "--for=jsonpath={.data.a}=2", "--timeout=20s"]);
      const gone = kubectl.start(["wait", "cm/map", "app/web", "--for=delete", "--timeout=20s"]);
      const status = JSON.stringify({ status: { conditions: [condition] } });
      await kubectl.ok([
        "patch",
        "app",
        "web",
        "--subresource=status",
        "--type=merge",
        "-p",
        status,
      ]);
      expect(await ready.ended).toBe(0);
      expect(ready.text()).toBe("application.lighthouse.dev/web condition met\n");
      await kubectl.ok(["patch", "cm", "map", "-p", '{"data":{"a":"2"}}']);
      expect(await path.ended).toBe(0);
      await kubectl.ok(["delete", "cm/map", "app/web"]);
      expect(await gone.ended).toBe(0);
      expect(
        await kubectl.fails(["wait", "app/web", "--for=condition=Ready", "--timeout=1s"]),
      ).toContain("not found");
      await kubectl.ok(["create", "-f", "-"], manifests(application("never")));
      expect(
        await kubectl.fails(["wait", "app/never", "--for=condition=Ready", "--timeout=300ms"]),
      ).toContain("timed out waiting for the condition on applications/never");
      const all = ["wait", "cm", "--all", "--for=jsonpath={.kind}=ConfigMap", "--timeout=5s"];
      await kubectl.ok(["create", "-f", "-"], manifests(configMap("one", {})));
      expect(await kubectl.ok(all)).toContain("configmap/one condition met");
    },
    { from: 24 },
  );

  scenario(
    "wait --for=create sees what comes",
    async (kubectl) => {
      const waiting = kubectl.start(["wait", "cm/late", "--for=create", "--timeout=20s"]);
      await kubectl.ok(["create", "-f", "-"], manifests(configMap("late", {})));
      expect(await waiting.ended).toBe(0);
      expect(waiting.text()).toBe("configmap/late condition met\n");
    },
    { from: 31 },
  );

  // Lists by watch are an option of 1.32 and the default of later clients.
  scenario(
    "wait and delete work with streamed lists",
    async (kubectl) => {
      const env = { KUBE_FEATURE_WatchListClient: "true" };
      const call = (args: readonly string[]): Promise<{ code: number; stdout: string }> =>
        kubectl.run(args, { env, timeoutMs: 20_000 });
      await kubectl.ok(
        ["create", "-f", "-"],
        manifests(application("web"), configMap("map", { a: "1" })),
      );
      const path = "--for=jsonpath={.spec.replicas}=2";
      expect(await call(["wait", "app/web", path, "--timeout=10s"])).toMatchObject({
        code: 0,
        stdout: "application.lighthouse.dev/web condition met\n",
      });
      const waiting = kubectl.start(
        ["wait", "cm/map", "--for=jsonpath={.data.a}=2", "--timeout=20s"],
        env,
      );
      await kubectl.ok(["patch", "cm", "map", "-p", '{"data":{"a":"2"}}']);
      expect(await waiting.ended).toBe(0);
      expect(await call(["delete", "app", "web", "--timeout=10s"])).toMatchObject({ code: 0 });
      expect(await call(["wait", "app/web", "--for=delete", "--timeout=10s"])).toMatchObject({
        code: 0,
      });
    },
    { from: 32 },
  );

  scenario("logs print what containers wrote", async (kubectl, site) => {
    await kubectl.ok(
      ["create", "-f", "-"],
      manifests(
        pod("web", { nodeName: site.node, containers: [{ name: "web", image: "talk:1" }] }),
        pod("crash", {
          nodeName: site.node,
          containers: [{ name: "c", image: "crash:1" }],
          restartPolicy: "Never",
        }),
      ),
    );
    await eventually(
      "the pod has failed",
      async () =>
        (await kubectl.ok(["get", "pod", "crash", "-o", "jsonpath={.status.phase}"])) === "Failed",
      { timeoutMs: 30_000, intervalMs: 200 },
    );
    expect(await kubectl.ok(["logs", "crash"])).toBe("cannot open configuration\n");
    expect(await kubectl.ok(["logs", "pod/crash", "-c", "c", "--tail=1", "--timestamps"])).toMatch(
      /^\d{4}-\d\d-\d\dT\S+Z cannot open configuration\n$/,
    );
    expect(await kubectl.ok(["logs", "-l", "app=crash"])).toBe("cannot open configuration\n");
    expect(await kubectl.ok(["logs", "crash", "--since=1h", "--limit-bytes=6"])).toBe("cannot");
    expect(await kubectl.fails(["logs", "crash", "-c", "none"])).toMatch(
      /container none is not valid for pod crash/,
    );
    expect(await kubectl.fails(["logs", "none"])).toContain('pods "none" not found');
    await kubectl.ok(["wait", "pod/web", "--for=condition=Ready", "--timeout=30s"]);
    const follow = kubectl.start(["logs", "-f", "web"]);
    await eventually("it prints the start", () => follow.text().startsWith("hello\n"));
    await kubectl.ok(["delete", "pod", "web", "--grace-period=1"]);
    expect(await follow.ended).toBe(0);
    await kubectl.ok(["delete", "pod", "crash", "--force", "--grace-period=0"]);
  });

  scenario("exec runs a program and passes on streams and exit code", async (kubectl, site) => {
    await kubectl.ok(["create", "-f", "-"], manifests(pod("web", { nodeName: site.node })));
    await kubectl.ok(["wait", "pod/web", "--for=condition=Ready", "--timeout=30s"]);
    expect(await kubectl.ok(["exec", "web", "--", "echo", "hello"])).toBe("hello\n");
    expect((await kubectl.run(["exec", "web", "--", "sh", "-c", "exit 7"])).code).toBe(7);
    const both = await kubectl.run(["exec", "web", "--", "sh", "-c", "echo out; echo err >&2"]);
    expect([both.stdout, both.stderr]).toEqual(["out\n", expect.stringContaining("err\n")]);
    const cat = await kubectl.run(["exec", "-i", "web", "--", "cat"], { stdin: "through\n" });
    expect(cat).toMatchObject({ code: 0, stdout: "through\n" });
    expect(await kubectl.fails(["exec", "none", "--", "ls"])).toContain('pods "none" not found');
    await kubectl.ok(["delete", "pod", "web", "--force", "--grace-period=0"]);
  });

  scenario("port-forward carries HTTP", async (kubectl, site) => {
    await kubectl.ok(
      ["create", "-f", "-"],
      manifests(
        pod("web", {
          nodeName: site.node,
          containers: [{ name: "web", image: "web:v7", ports: [{ containerPort: 8080 }] }],
        }),
      ),
    );
    await kubectl.ok(["wait", "pod/web", "--for=condition=Ready", "--timeout=30s"]);
    const forwarding = kubectl.start(["port-forward", "pod/web", ":8080"]);
    const port = await eventually(
      "it listens",
      () => /127\.0\.0\.1:(\d+) ->/.exec(forwarding.text())?.[1],
    );
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toContain("v7");
    forwarding.kill();
    await kubectl.ok(["delete", "pod", "web", "--force", "--grace-period=0"]);
  });

  scenario("top asks the metrics API", async (kubectl) => {
    const { stdout, stderr } = await kubectl.run(["top", "pods"]);
    expect(stdout + stderr).toMatch(/No resources found|NAME\s+CPU|metrics not available yet/i);
  });

  scenario("proxy serves the API over plain HTTP", async (kubectl) => {
    await kubectl.ok(["create", "-f", "-"], manifests(configMap("map", { a: "1" })));
    const proxy = kubectl.start(["proxy", "--port=0"]);
    const address = await eventually(
      "it listens",
      () => /Starting to serve on (\S+)/.exec(proxy.text())?.[1],
    );
    const base = `http://${address}`;
    const map = await fetch(`${base}/api/v1/namespaces/${kubectl.namespace}/configmaps/map`);
    expect(await map.json()).toMatchObject({ kind: "ConfigMap", data: { a: "1" } });
    expect((await fetch(`${base}/api/v1/namespaces/none/configmaps/map`)).status).toBe(404);
    expect(
      (await fetch(`${base}/api/v1/namespaces/${kubectl.namespace}/pods/x/exec?command=ls`)).status,
    ).toBe(403);
    expect(await (await fetch(`${base}/apis/`)).json()).toMatchObject({ kind: "APIGroupList" });
    proxy.kill();
  });
});
