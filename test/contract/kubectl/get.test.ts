import { expect } from "vitest";
import { eventually } from "../../kit/eventually.ts";
import type { KubectlClient } from "../kit/kubectl-client.ts";
import { application, configMap, gadget, gadgetCrd, manifests, pod } from "../kit/manifests.ts";
import { kubectlSuite } from "../kit/suite.ts";

const three = ["b", "c", "a"];

async function seed(kubectl: KubectlClient): Promise<void> {
  const maps = three.map((name, at) =>
    configMap(name, { at: `${at}` }, { labels: { name, half: at < 2 ? "first" : "second" } }),
  );
  await kubectl.ok(["create", "-f", "-"], manifests(...maps, application("web", "web:7")));
}

const lines = (text: string): readonly string[] => text.trim().split("\n");

kubectlSuite("get", (scenario) => {
  scenario("prints tables, wide ones and labels as columns", async (kubectl) => {
    await seed(kubectl);
    const table = lines(await kubectl.ok(["get", "cm", "a", "b", "c"]));
    expect(table).toEqual([
      expect.stringMatching(/^NAME\s+DATA\s+AGE$/),
      expect.stringMatching(/^a\s+1\s+\d+s$/),
      expect.stringMatching(/^b\s+1\s+\d+s$/),
      expect.stringMatching(/^c\s+1\s+\d+s$/),
    ]);
    const apps = await kubectl.ok(["get", "app"]);
    expect(apps).toMatch(/^NAME\s+READY\s+REVISION\s+PHASE\s+IMAGE\s+AGE\nweb\s.*\sweb:7\s+\d+s$/m);
    expect(await kubectl.ok(["get", "app", "-o", "wide"])).toMatch(/AGE\s+TARGET\s+BATCH\s+STATE/);
    const labels = await kubectl.ok(["get", "cm", "-l", "half", "-L", "half", "--no-headers"]);
    expect(lines(labels)[2]).toMatch(/^c\s+1\s+\d+s\s+first$/);
    expect(await kubectl.ok(["get", "cm", "a", "--show-labels"])).toContain("half=second,name=a");
  });

  scenario(
    "prints objects as yaml, json, name, jsonpath, columns and template",
    async (kubectl) => {
      await seed(kubectl);
      const yaml = await kubectl.ok(["get", "app", "web", "-o", "yaml"]);
      expect(yaml).toMatch(/^apiVersion: lighthouse\.dev\/v1\nkind: Application\nmetadata:/);
      const list = JSON.parse(await kubectl.ok(["get", "cm", "-l", "half", "-o", "json"]));
      expect(list).toMatchObject({
        kind: "List",
        items: [{ kind: "ConfigMap", apiVersion: "v1", data: { at: "2" } }, {}, {}],
      });
      expect(await kubectl.ok(["get", "app/web", "cm/a", "-o", "name"])).toBe(
        "application.lighthouse.dev/web\nconfigmap/a\n",
      );
      const path = "jsonpath={range .items[*]}{.metadata.name}={.data.at} {end}";
      expect(await kubectl.ok(["get", "cm", "-l", "half", "-o", path])).toBe("a=2 b=0 c=1 ");
      const columns = "custom-columns=NAME:.metadata.name,AT:.data.at,NONE:.spec.none";
      expect(lines(await kubectl.ok(["get", "cm", "-l", "half", "-o", columns]))).toEqual([
        expect.stringMatching(/^NAME\s+AT\s+NONE$/),
        expect.stringMatching(/^a\s+2\s+<none>$/),
        expect.stringMatching(/^b\s+0\s+<none>$/),
        expect.stringMatching(/^c\s+1\s+<none>$/),
      ]);
      const template = "go-template={{range .items}}{{.metadata.name}},{{end}}";
      expect(await kubectl.ok(["get", "cm", "-l", "name in (a,c)", "-o", template])).toBe("a,c,");
      const plain = await kubectl.ok(["get", "cm", "a", "--server-print=false"]);
      expect(plain).toMatch(/^NAME\s+AGE\na\s+\d+s\n$/);
    },
  );

  scenario("sorts, selects by labels and fields, and reads in chunks", async (kubectl) => {
    await seed(kubectl);
    const names = (args: readonly string[]): Promise<string> =>
      kubectl.ok(["get", "cm", "-o", "jsonpath={.items[*].metadata.name}", ...args]);
    const sorted = await kubectl.ok(["get", "cm", "-l", "half", "--sort-by={.data.at}"]);
    expect(lines(sorted).map((line) => line.split(/\s/)[0])).toEqual(["NAME", "b", "c", "a"]);
    expect(await names(["-l", "half=first,name!=c"])).toBe("b");
    expect(await names(["-l", "half,name notin (b)"])).toBe("a c");
    expect(await names(["--field-selector", "metadata.name=b"])).toBe("b");
    expect(await names(["-l", "half", "--field-selector", "metadata.name!=b"])).toBe("a c");
    expect(await names(["-l", "half", "--chunk-size=1"])).toBe("a b c");
    const wrong = await kubectl.fails(["get", "cm", "--field-selector", "data.at=1"]);
    expect(wrong).toContain("field label not supported: data.at");
    expect(await kubectl.fails(["get", "cm", "-l", "a in ("])).toContain("unable to parse");
  });

  scenario("looks into all namespaces, several kinds and categories", async (kubectl) => {
    await seed(kubectl);
    const everywhere = await kubectl.ok(["get", "cm", "-A", "-l", "name=a"]);
    expect(everywhere).toMatch(/^NAMESPACE\s+NAME\s+DATA\s+AGE$/m);
    expect(everywhere).toMatch(new RegExp(`^${kubectl.namespace}\\s+a\\s+1\\s+\\d+s$`, "m"));
    expect(await kubectl.ok(["get", "all", "-o", "name"])).toBe("application.lighthouse.dev/web\n");
    const both = await kubectl.ok([
      "get",
      "applications.lighthouse.dev,configmaps",
      "-l",
      "name=a",
    ]);
    expect(both).toMatch(/^configmap\/a\s/m);
    const versioned = ["get", "applications.v1.lighthouse.dev/web", "-o", "name"];
    expect(await kubectl.ok(versioned)).toBe("application.lighthouse.dev/web\n");
  });

  scenario("says what is not there", async (kubectl) => {
    expect(await kubectl.fails(["get", "cm", "none"])).toBe(
      'Error from server (NotFound): configmaps "none" not found\n',
    );
    expect(await kubectl.fails(["get", "app", "none", "-o", "yaml"])).toBe(
      'Error from server (NotFound): applications.lighthouse.dev "none" not found\n',
    );
    expect(await kubectl.fails(["get", "unicorns"])).toContain(
      `the server doesn't have a resource type "unicorns"`,
    );
    expect(await kubectl.ok(["get", "cm", "none", "--ignore-not-found"])).toBe("");
    const { code, stdout, stderr } = await kubectl.run(["get", "app"]);
    expect([code, stdout, stderr]).toEqual([
      0,
      "",
      `No resources found in ${kubectl.namespace} namespace.\n`,
    ]);
    expect(await kubectl.ok(["get", "app", "-o", "json"])).toContain('"items": []');
  });

  scenario("watches a list and a single object, each change once", async (kubectl) => {
    await kubectl.ok(["create", "-f", "-"], manifests(configMap("w", { a: "1" })));
    const list = kubectl.start([
      "get",
      "cm",
      "-w",
      "--no-headers",
      "--field-selector",
      "metadata.name=w",
    ]);
    const one = kubectl.start(["get", "cm", "w", "-w", "--no-headers"]);
    const events = kubectl.start(["get", "cm", "w", "-o", "name", "--watch-only"]);
    await eventually("both show the state", () => list.text() !== "" && one.text() !== "");
    const patch = JSON.stringify({ data: { b: "2" } });
    await eventually("the third one shows a change", async () => {
      if (events.text() === "")
        await kubectl.ok([
          "patch",
          "cm",
          "w",
          "-p",
          JSON.stringify({ metadata: { labels: { at: `${Date.now()}` } } }),
        ]);
      return events.text().includes("configmap/w");
    });
    await kubectl.ok(["patch", "cm", "w", "-p", patch]);
    await eventually(
      "both show the change",
      () => /\s2\s/.test(list.text()) && /\s2\s/.test(one.text()),
    );
    expect(lines(list.text()).filter((line) => /^w\s+2\s/.test(line))).toHaveLength(1);
    expect(lines(one.text()).filter((line) => /^w\s+2\s/.test(line))).toHaveLength(1);
    await kubectl.ok(["delete", "cm", "w"]);
  });

  scenario(
    "reads the subresources status and scale",
    async (kubectl) => {
      await seed(kubectl);
      const scale = await kubectl.ok(["get", "app", "web", "--subresource=scale", "-o", "json"]);
      expect(JSON.parse(scale)).toMatchObject({
        kind: "Scale",
        apiVersion: "autoscaling/v1",
        spec: { replicas: 2 },
      });
      expect(await kubectl.ok(["get", "app", "web", "--subresource=scale"])).toMatch(
        /^NAME\s+DESIRED\s+AVAILABLE/,
      );
      expect(await kubectl.ok(["get", "app", "web", "--subresource=status"])).toMatch(/^web\s/m);
    },
    { from: 24 },
  );

  scenario("reads raw paths", async (kubectl) => {
    await seed(kubectl);
    const path = `/api/v1/namespaces/${kubectl.namespace}/configmaps`;
    expect(JSON.parse(await kubectl.ok(["get", "--raw", `${path}/a`]))).toMatchObject({
      kind: "ConfigMap",
      data: { at: "2" },
    });
    expect(JSON.parse(await kubectl.ok(["get", "--raw", `${path}?limit=1`]))).toMatchObject({
      kind: "ConfigMapList",
      metadata: { continue: expect.any(String) },
    });
    expect(await kubectl.ok(["get", "--raw", "/livez"])).toBe("ok");
    expect(await kubectl.ok(["get", "--raw", "/readyz?verbose"])).toContain("readyz check passed");
    expect(await kubectl.fails(["get", "--raw", `${path}/none`])).toContain("NotFound");
  });

  scenario("shows a kind that was made a moment ago, with its columns", async (kubectl) => {
    const group = `${kubectl.namespace}.example.com`;
    await kubectl.ok(["create", "-f", "-"], manifests(gadgetCrd(group)));
    const crd = `crd/gadgets.${group}`;
    await kubectl.ok(["wait", "--for=condition=Established", crd, "--timeout=20s"]);
    await kubectl.ok(["create", "-f", "-"], manifests(gadget(group, "one", { mode: "fast" })));
    const kind = `gadgets.${group}`;
    expect(await kubectl.ok(["get", kind])).toMatch(/^NAME\s+SIZE\s+AGE\none\s+1\s+\d+s\n$/);
    expect(await kubectl.ok(["get", kind, "-o", "wide"])).toMatch(
      /NAME\s+SIZE\s+MODE\s+AGE\none\s+1\s+fast\s+\d+s/,
    );
    expect(
      await kubectl.ok(["get", kind, "-o", "name", "--field-selector", "spec.mode=fast"]),
    ).toBe(`gadget.${group}/one\n`);
    expect(
      await kubectl.ok(["get", kind, "-o", "name", "--field-selector", "spec.mode=slow"]),
    ).toBe("");
    await kubectl.ok(["delete", crd]);
    expect(await kubectl.fails(["get", kind])).toMatch(/doesn't have a resource type|NotFound/);
  });

  scenario("prints nodes and running pods with their columns", async (kubectl, { node }) => {
    await kubectl.ok(["create", "-f", "-"], manifests(pod("runs", { nodeName: node })));
    await eventually(
      "the pod runs",
      async () => /\sRunning\s/.test(await kubectl.ok(["get", "pod", "runs"])),
      { timeoutMs: 20_000, intervalMs: 250 },
    );
    expect(await kubectl.ok(["get", "pods", "-o", "wide"])).toMatch(
      new RegExp(
        `^NAME\\s+READY\\s+STATUS\\s+RESTARTS\\s+AGE\\s+IP\\s+NODE\\s+NOMINATED NODE\\s+READINESS GATES\\nruns\\s+1/1\\s+Running\\s+0\\s+\\d+s\\s+\\S+\\s+${node}\\s+<none>\\s+<none>`,
      ),
    );
    const wide = await kubectl.ok(["get", "node", node, "-o", "wide"]);
    expect(wide).toMatch(
      /^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\s+INTERNAL-IP\s+EXTERNAL-IP\s+OS-IMAGE\s+KERNEL-VERSION\s+CONTAINER-RUNTIME\n/,
    );
    expect(wide).toMatch(new RegExp(`^${node}\\s+Ready\\s`, "m"));
    const here = ["get", "pods", "-o", "name", "--field-selector"];
    expect(await kubectl.ok([...here, `spec.nodeName=${node},status.phase=Running`])).toBe(
      "pod/runs\n",
    );
    expect(await kubectl.ok([...here, "status.phase!=Running"])).toBe("");
    await kubectl.ok(["delete", "pod", "runs", "--grace-period=1"]);
  });
});
