import { expect } from "vitest";
import { eventually } from "../../kit/eventually.ts";
import type { KubectlClient } from "../kit/kubectl-client.ts";
import { application, configMap, gadget, gadgetCrd, manifests, pod } from "../kit/manifests.ts";
import { kubectlSuite } from "../kit/suite.ts";

const deletion = "jsonpath={.metadata.deletionTimestamp}";

async function finalizers(
  kubectl: KubectlClient,
  what: string,
  list: readonly string[],
): Promise<void> {
  const patch = JSON.stringify({ metadata: { finalizers: list } });
  await kubectl.ok(["patch", what, "--type=merge", "-p", patch]);
}

kubectlSuite("delete", (scenario) => {
  scenario("deletes by name, file, label and all", async (kubectl) => {
    const maps = ["a", "b", "c", "d", "e"].map((name) =>
      configMap(name, {}, { labels: { half: name < "c" ? "1" : "2" } }),
    );
    await kubectl.ok(["create", "-f", "-"], manifests(...maps));
    expect(await kubectl.ok(["delete", "cm", "a"])).toMatch(/^configmap "a" deleted/);
    expect(await kubectl.ok(["delete", "-f", "-"], manifests(configMap("b", {})))).toMatch(
      /^configmap "b" deleted/,
    );
    expect(await kubectl.ok(["delete", "cm/c", "-o", "name"])).toBe("configmap/c\n");
    expect(await kubectl.ok(["delete", "cm", "-l", "half=2"])).toMatch(
      /"d" deleted.*\n.*"e" deleted/,
    );
    expect(await kubectl.fails(["delete", "cm", "a"])).toContain('configmaps "a" not found');
    expect(await kubectl.ok(["delete", "cm", "a", "--ignore-not-found"])).toBe("");
    await kubectl.ok(["create", "-f", "-"], manifests(application("x"), application("y")));
    expect(await kubectl.ok(["delete", "app", "--all"])).toMatch(/"x" deleted[^]*"y" deleted/);
    expect(await kubectl.ok(["get", "app", "-o", "name"])).toBe("");
  });

  scenario("waits for the last finalizer, or not", async (kubectl) => {
    await kubectl.ok(["create", "-f", "-"], manifests(configMap("held", {}), application("app")));
    await finalizers(kubectl, "cm/held", ["example.com/hold"]);
    expect(await kubectl.ok(["delete", "cm", "held", "--wait=false"])).toMatch(/"held" deleted/);
    expect(await kubectl.ok(["get", "cm", "held", "-o", deletion])).toMatch(/Z$/);
    const waiting = kubectl.start(["delete", "cm", "held"]);
    const late = await kubectl.fails(["wait", "cm/held", "--for=delete", "--timeout=300ms"]);
    expect(late).toMatch(/timed out waiting for the condition/);
    await eventually("the second delete was sent", () => waiting.text().includes("deleted"));
    await finalizers(kubectl, "cm/held", []);
    expect(await waiting.ended).toBe(0);
    expect(await kubectl.fails(["get", "cm", "held"])).toContain("not found");
    expect(await kubectl.fails(["delete", "cm", "held", "--timeout=1s"])).toContain("not found");
  });

  scenario(
    "takes dependents along in the background, in the foreground, or not",
    async (kubectl) => {
      const uid = async (what: string): Promise<string> =>
        kubectl.ok(["get", what, "-o", "jsonpath={.metadata.uid}"]);
      const own = async (owner: string, child: string): Promise<void> => {
        await kubectl.ok(["create", "-f", "-"], manifests(configMap(owner, {})));
        const ownerReferences = [
          {
            apiVersion: "v1",
            kind: "ConfigMap",
            name: owner,
            uid: await uid(`cm/${owner}`),
            blockOwnerDeletion: true,
          },
        ];
        await kubectl.ok(
          ["create", "-f", "-"],
          manifests(configMap(child, {}, { ownerReferences })),
        );
      };
      const flag = (policy: string): string =>
        policy === "orphan" || kubectl.minor >= 20 ? `--cascade=${policy}` : "";
      await own("o1", "c1");
      await own("o2", "c2");
      await own("o3", "c3");
      await kubectl.ok(["delete", "cm", "o1", flag("background")]);
      await kubectl.ok(["delete", "cm", "o2", flag("foreground")]);
      await kubectl.ok(["delete", "cm", "o3", flag("orphan")]);
      expect(await kubectl.ok(["get", "cm", "o2", "c2", "--ignore-not-found"])).toBe("");
      await kubectl.ok(["wait", "cm/c1", "--for=delete", "--timeout=20s"]).catch(async () => {
        expect(await kubectl.fails(["get", "cm", "c1"])).toContain("not found");
      });
      const references = await kubectl.ok([
        "get",
        "cm",
        "c3",
        "-o",
        "jsonpath={.metadata.ownerReferences}",
      ]);
      expect(references).toBe("");
    },
  );

  scenario("gives a running pod its grace, and kills it by force", async (kubectl, { node }) => {
    await kubectl.ok(
      ["create", "-f", "-"],
      manifests(pod("slow", { nodeName: node }), pod("forced", { nodeName: node }), pod("loose")),
    );
    await kubectl.ok(["wait", "pod/slow", "pod/forced", "--for=condition=Ready", "--timeout=30s"]);
    expect(await kubectl.ok(["delete", "pod", "slow", "--grace-period=2"])).toMatch(
      /pod "slow" deleted/,
    );
    expect(await kubectl.fails(["get", "pod", "slow"])).toContain("not found");
    const forced = await kubectl.run(["delete", "pod", "forced", "--force", "--grace-period=0"]);
    expect([forced.code, forced.stdout]).toEqual([
      0,
      expect.stringMatching(/pod "forced" force deleted/),
    ]);
    expect(await kubectl.ok(["delete", "pod", "loose", "--now"])).toMatch(/"loose" deleted/);
    expect(await kubectl.ok(["get", "pods", "-o", "name"])).toBe("");
  });

  scenario("empties and removes a namespace", async (kubectl) => {
    const doomed = `${kubectl.namespace}-doomed`;
    expect(await kubectl.ok(["create", "ns", doomed])).toBe(`namespace/${doomed} created\n`);
    await kubectl.ok(
      ["create", "-n", doomed, "-f", "-"],
      manifests(configMap("a", {}), application("web")),
    );
    expect(await kubectl.ok(["delete", "ns", doomed])).toMatch(/deleted/);
    expect(await kubectl.fails(["get", "ns", doomed])).toContain("not found");
    expect(await kubectl.ok(["get", "app", "-n", doomed, "-o", "name"])).toBe("");
  });

  scenario("removing a CRD removes its objects and the kind", async (kubectl) => {
    const group = `${kubectl.namespace}.example.com`;
    await kubectl.ok(["create", "-f", "-"], manifests(gadgetCrd(group)));
    await kubectl.ok([
      "wait",
      "--for=condition=Established",
      `crd/gadgets.${group}`,
      "--timeout=20s",
    ]);
    await kubectl.ok(["create", "-f", "-"], manifests(gadget(group, "one")));
    expect(await kubectl.ok(["delete", "crd", `gadgets.${group}`, "--timeout=30s"])).toMatch(
      /deleted/,
    );
    await kubectl.ok(["create", "-f", "-"], manifests(gadgetCrd(group)));
    await kubectl.ok([
      "wait",
      "--for=condition=Established",
      `crd/gadgets.${group}`,
      "--timeout=20s",
    ]);
    expect(await kubectl.ok(["get", `gadgets.${group}`, "-o", "name"])).toBe("");
    await kubectl.ok(["delete", "crd", `gadgets.${group}`]);
  });
});
