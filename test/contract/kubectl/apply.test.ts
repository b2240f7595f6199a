import { expect } from "vitest";
import type { KubectlClient } from "../kit/kubectl-client.ts";
import { application, configMap, gadget, gadgetCrd, manifests, pod } from "../kit/manifests.ts";
import { kubectlSuite } from "../kit/suite.ts";

const resourceVersion = (kubectl: KubectlClient, what: string): Promise<string> =>
  kubectl.ok(["get", what, "-o", "jsonpath={.metadata.resourceVersion}"]);

/** The managers of an object, e.g. `kubectl:Apply alice:Update`. */
async function managers(kubectl: KubectlClient, what: string): Promise<string> {
  const each = "{range .metadata.managedFields[*]}{.manager}:{.operation} {end}";
  const shown = kubectl.minor >= 21 ? ["--show-managed-fields"] : [];
  return (await kubectl.ok(["get", what, "-o", `jsonpath=${each}`, ...shown])).trim();
}

const apply = ["apply", "-f", "-"];

kubectlSuite("apply", (scenario) => {
  scenario("creates, leaves alone, and changes", async (kubectl) => {
    const all = (value: string, image: string): string =>
      manifests(configMap("map", { a: value }), application("web", image));
    expect(await kubectl.ok(apply, all("1", "web:1"))).toBe(
      "configmap/map created\napplication.lighthouse.dev/web created\n",
    );
    const before = await resourceVersion(kubectl, "app/web");
    expect(await kubectl.ok(apply, all("1", "web:1"))).toBe(
      "configmap/map unchanged\napplication.lighthouse.dev/web unchanged\n",
    );
    expect(await resourceVersion(kubectl, "app/web")).toBe(before);
    expect(await kubectl.ok(apply, all("2", "web:2"))).toBe(
      "configmap/map configured\napplication.lighthouse.dev/web configured\n",
    );
    expect(
      await kubectl.ok(["get", "app/web", "cm/map", "-o", "jsonpath={..image} {..data.a}"]),
    ).toContain("web:2 ");
    const last = await kubectl.ok(["apply", "view-last-applied", "cm/map", "-o", "json"]);
    expect(JSON.parse(last)).toMatchObject({ data: { a: "2" } });
  });

  scenario("removes what was taken out, and keeps what others wrote", async (kubectl) => {
    await kubectl.ok(apply, manifests(configMap("map", { a: "1", b: "2" })));
    await kubectl.ok(["patch", "cm", "map", "-p", '{"data":{"mine":"x"}}']);
    expect(await kubectl.ok(apply, manifests(configMap("map", { a: "1" })))).toContain(
      "configured",
    );
    expect(JSON.parse(await kubectl.ok(["get", "cm", "map", "-o", "json"])).data).toEqual({
      a: "1",
      mine: "x",
    });
    await kubectl.ok(
      apply,
      manifests(application("web", "web:1", { paused: true, revisionHistoryLimit: 3 })),
    );
    await kubectl.ok(apply, manifests(application("web", "web:1", { revisionHistoryLimit: 3 })));
    const { spec } = JSON.parse(await kubectl.ok(["get", "app", "web", "-o", "json"]));
    expect([spec.paused ?? false, spec.revisionHistoryLimit]).toEqual([false, 3]);
  });

  scenario("merges the lists of built-in kinds by their keys", async (kubectl) => {
    const two = (image: string): string =>
      manifests(
        pod("p", {
          containers: [
            { name: "web", image, env: [{ name: "A", value: "1" }] },
            { name: "side", image: "side:1" },
          ],
        }),
      );
    await kubectl.ok(apply, two("web:1"));
    await kubectl.ok(["set", "image", "pod/p", "side=side:9"]);
    expect(await kubectl.ok(apply, two("web:2"))).toBe("pod/p configured\n");
    expect(await kubectl.ok(["get", "pod", "p", "-o", "jsonpath={..image}"])).toBe("web:2 side:1");
  });

  scenario("works for a kind that was made a moment ago", async (kubectl) => {
    const group = `${kubectl.namespace}.example.com`;
    expect(await kubectl.ok(apply, manifests(gadgetCrd(group)))).toContain("created");
    expect(await kubectl.ok(apply, manifests(gadgetCrd(group)))).toContain("unchanged");
    await kubectl.ok([
      "wait",
      "--for=condition=Established",
      `crd/gadgets.${group}`,
      "--timeout=20s",
    ]);
    expect(await kubectl.ok(apply, manifests(gadget(group, "one", { parts: ["a"] })))).toBe(
      `gadget.${group}/one created\n`,
    );
    expect(await kubectl.ok(apply, manifests(gadget(group, "one", { parts: ["a", "b"] })))).toBe(
      `gadget.${group}/one configured\n`,
    );
    expect(await kubectl.fails(apply, manifests(gadget(group, "one", { mode: "none" })))).toMatch(
      /spec\.mode: Unsupported value: "none"/,
    );
    expect(await kubectl.ok(["scale", `gadgets.${group}/one`, "--replicas=4"])).toContain("scaled");
    await kubectl.ok(["delete", "crd", `gadgets.${group}`]);
  });

  scenario("reads folders, kustomizations and selections", async (kubectl) => {
    await kubectl.file("a.yaml", manifests(configMap("a", {}, { labels: { pick: "1" } })));
    await kubectl.file("b.yaml", manifests(configMap("b", {}, { labels: { pick: "2" } })));
    expect(
      await kubectl.ok(
        ["apply", "-f", ".", "-l", "pick=1"].map((one) =>
          one === "." ? `${kubectl.folder}/a.yaml,${kubectl.folder}/b.yaml` : one,
        ),
      ),
    ).toBe("configmap/a created\n");
    await kubectl.file(
      "kustomization.yaml",
      "resources: [a.yaml, b.yaml]\nnamePrefix: pre-\ncommonLabels: {all: these}\n",
    );
    expect(await kubectl.ok(["apply", "-k", kubectl.folder])).toBe(
      "configmap/pre-a created\nconfigmap/pre-b created\n",
    );
    expect(await kubectl.ok(["get", "cm", "-l", "all=these", "-o", "name"])).toBe(
      "configmap/pre-a\nconfigmap/pre-b\n",
    );
  });

  scenario("prunes what is no longer there", async (kubectl) => {
    const map = (name: string): Record<string, unknown> =>
      configMap(name, {}, { labels: { set: "one" } });
    const allow =
      kubectl.minor >= 26
        ? "--prune-allowlist=core/v1/ConfigMap"
        : "--prune-whitelist=core/v1/ConfigMap";
    const prune = [...apply, "--prune", "-l", "set=one", allow, "-n", kubectl.namespace];
    await kubectl.ok(prune, manifests(map("a"), map("b")));
    expect(await kubectl.ok(prune, manifests(map("a")))).toBe(
      "configmap/a unchanged\nconfigmap/b pruned\n",
    );
    expect(await kubectl.ok(["get", "cm", "-l", "set=one", "-o", "name"])).toBe("configmap/a\n");
  });

  scenario(
    "keeps sets of objects by their parent",
    async (kubectl) => {
      const env = { KUBECTL_APPLYSET: "true" };
      const set = [...apply, "--prune", "--applyset=configmaps/parent", "-n", kubectl.namespace];
      const call = (text: string): Promise<{ code: number; stdout: string; stderr: string }> =>
        kubectl.run(set, { stdin: text, env });
      const first = await call(manifests(configMap("a", {}), configMap("b", {})));
      expect(first).toMatchObject({
        code: 0,
        stdout: "configmap/a created\nconfigmap/b created\n",
      });
      const second = await call(manifests(configMap("a", {})));
      expect([second.code, second.stdout]).toEqual([
        0,
        expect.stringContaining("configmap/b pruned"),
      ]);
      const label = "applyset.kubernetes.io/part-of";
      expect(await kubectl.ok(["get", "cm", "-l", label, "-o", "name"])).toBe("configmap/a\n");
    },
    { from: 27 },
  );

  scenario("--force replaces what cannot be changed", async (kubectl) => {
    const map = (value: string): string =>
      manifests({ ...configMap("fixed", { a: value }), immutable: true });
    await kubectl.ok(apply, map("1"));
    expect(await kubectl.fails(apply, map("2"))).toMatch(
      /field is immutable when `immutable` is set/,
    );
    expect(await kubectl.ok([...apply, "--force"], map("2"))).toMatch(/configured/);
    expect(await kubectl.ok(["get", "cm", "fixed", "-o", "jsonpath={.data.a}"])).toBe("2");
  });

  scenario("on the server: creates, repeats, changes, and owns", async (kubectl) => {
    const side = [...apply, "--server-side"];
    expect(await kubectl.ok(side, manifests(configMap("map", { a: "1" })))).toBe(
      "configmap/map serverside-applied\n",
    );
    const before = await resourceVersion(kubectl, "cm/map");
    await kubectl.ok(side, manifests(configMap("map", { a: "1" })));
    expect(await resourceVersion(kubectl, "cm/map")).toBe(before);
    expect(await managers(kubectl, "cm/map")).toBe("kubectl:Apply");
    await kubectl.ok(side, manifests(configMap("map", { b: "2" })));
    expect(JSON.parse(await kubectl.ok(["get", "cm", "map", "-o", "json"])).data).toEqual({
      b: "2",
    });
    await kubectl.ok(side, manifests(application("web")));
    expect(await kubectl.ok(["get", "app", "web", "-o", "jsonpath={.spec.replicas}"])).toBe("2");
  });

  scenario(
    "on the server: refuses to take others' fields, unless it is forced",
    async (kubectl) => {
      const as = (manager: string): readonly string[] => [
        ...apply,
        "--server-side",
        `--field-manager=${manager}`,
      ];
      await kubectl.ok(as("alice"), manifests(configMap("map", { a: "1", b: "1" })));
      const conflict = await kubectl.fails(as("bob"), manifests(configMap("map", { a: "2" })));
      expect(conflict).toContain('Apply failed with 1 conflict: conflict with "alice": .data.a');
      expect(conflict).toContain("--force-conflicts");
      await kubectl.ok(
        [...as("bob"), "--force-conflicts"],
        manifests(configMap("map", { a: "2" })),
      );
      expect((await managers(kubectl, "cm/map")).split(" ").toSorted()).toEqual([
        "alice:Apply",
        "bob:Apply",
      ]);
      await kubectl.ok(as("alice"), manifests(configMap("map", { b: "1" })));
      expect(JSON.parse(await kubectl.ok(["get", "cm", "map", "-o", "json"])).data).toEqual({
        a: "2",
        b: "1",
      });
      await kubectl.ok(as("bob"), manifests(configMap("map", {})));
      expect(JSON.parse(await kubectl.ok(["get", "cm", "map", "-o", "json"])).data).toEqual({
        b: "1",
      });
    },
  );

  scenario(
    "on the server: a dry run and a diff show the outcome and store nothing",
    async (kubectl) => {
      const side = [...apply, "--server-side"];
      await kubectl.ok(side, manifests(configMap("map", { a: "1" })));
      const before = await resourceVersion(kubectl, "cm/map");
      const dry = await kubectl.ok(
        [...side, "--dry-run=server", "-o", "jsonpath={.data.a}"],
        manifests(configMap("map", { a: "2" })),
      );
      expect(dry).toBe("2");
      const diff = await kubectl.run(["diff", "--server-side", "-f", "-"], {
        stdin: manifests(configMap("map", { a: "2" })),
      });
      expect([diff.code, diff.stdout]).toEqual([1, expect.stringMatching(/^\+\s+a: "2"$/m)]);
      expect(await resourceVersion(kubectl, "cm/map")).toBe(before);
    },
  );

  scenario(
    "on the server: takes over from client-side apply",
    async (kubectl) => {
      await kubectl.ok(apply, manifests(configMap("map", { a: "1", b: "1" })));
      expect(await managers(kubectl, "cm/map")).toBe("kubectl-client-side-apply:Update");
      await kubectl.ok([...apply, "--server-side"], manifests(configMap("map", { a: "1" })));
      // kubectl keeps the annotation under a name of its own, so that client-side apply still works.
      expect((await managers(kubectl, "cm/map")).split(" ").toSorted()).toEqual([
        "kubectl-last-applied:Apply",
        "kubectl:Apply",
      ]);
      expect(JSON.parse(await kubectl.ok(["get", "cm", "map", "-o", "json"])).data).toEqual({
        a: "1",
      });
    },
    { from: 26 },
  );
});
