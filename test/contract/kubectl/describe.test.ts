import { expect } from "vitest";
import { eventually } from "../../kit/eventually.ts";
import { application, configMap, gadget, gadgetCrd, manifests, pod } from "../kit/manifests.ts";
import type { KubectlClient } from "../kit/kubectl-client.ts";
import { kubectlSuite } from "../kit/suite.ts";

/** An Event as components write it. */
function eventAbout(uid: string, name: string, kind: string, over: object = {}): object {
  const now = new Date().toISOString().replace(/\.\d+Z/, "Z");
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${name}.${kind.toLowerCase()}` },
    involvedObject: { kind, name, uid, apiVersion: "v1" },
    reason: "Tested",
    message: "a test has looked",
    type: "Normal",
    firstTimestamp: now,
    lastTimestamp: now,
    count: 3,
    source: { component: "tester" },
    ...over,
  };
}

async function tellAbout(kubectl: KubectlClient, kind: string, name: string): Promise<void> {
  const path = ["-o", "jsonpath={.metadata.uid}"];
  const uid = await kubectl.ok(["get", kind, name, ...path]);
  const involvedObject = { apiVersion: "v1", kind, name, uid, namespace: kubectl.namespace };
  const event = eventAbout(uid, name, kind, { involvedObject });
  await kubectl.ok(["create", "-f", "-"], manifests(event as Record<string, unknown>));
}

kubectlSuite("describe", (scenario) => {
  scenario("shows a pod, its container and its events", async (kubectl, { node }) => {
    await kubectl.ok(["create", "-f", "-"], manifests(pod("web", { nodeName: node })));
    await kubectl.ok(["wait", "pod/web", "--for=condition=Ready", "--timeout=30s"]);
    await tellAbout(kubectl, "Pod", "web");
    const text = await kubectl.ok(["describe", "pod", "web"]);
    expect(text).toMatch(/^Name:\s+web$/m);
    expect(text).toMatch(new RegExp(`^Node:\\s+${node}`, "m"));
    expect(text).toMatch(/^Status:\s+Running$/m);
    expect(text).toMatch(/^\s+Image:\s+web:1$/m);
    expect(text).toMatch(/^\s+Container ID:\s+docker:\/\//m);
    expect(text).toMatch(/^\s+Ready\s+True/m);
    expect(text).toMatch(/Normal\s+Tested\s+.*tester\s+a test has looked/);
    await kubectl.ok(["delete", "pod", "web", "--force", "--grace-period=0"]);
  });

  scenario("shows an Application, a ConfigMap, a Secret and a ServiceAccount", async (kubectl) => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "key" },
      stringData: { pin: "12345" },
    };
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "robot" } };
    await kubectl.ok(
      ["create", "-f", "-"],
      manifests(application("shop"), configMap("map", { mode: "slow" }), secret, account),
    );
    await tellAbout(kubectl, "ConfigMap", "map");
    const app = await kubectl.ok(["describe", "app", "shop"]);
    expect(app).toMatch(/^API Version:\s+lighthouse\.dev\/v1$/m);
    expect(app).toMatch(/^\s+Replicas:\s+2$/m);
    expect(app).toMatch(/^Events:\s+<none>$/m);
    expect(await kubectl.ok(["describe", "cm", "map"])).toMatch(/mode:\n----\nslow\n[^]*Tested/);
    const hidden = await kubectl.ok(["describe", "secret", "key"]);
    expect(hidden).toMatch(/^pin:\s+5 bytes$/m);
    expect(hidden).not.toContain("12345");
    expect(await kubectl.ok(["describe", "sa", "robot"])).toMatch(/^Name:\s+robot$/m);
  });

  scenario(
    "finds objects by the start of their names, or says which it missed",
    async (kubectl) => {
      await kubectl.ok(
        ["create", "-f", "-"],
        manifests(configMap("pre-a", {}), configMap("pre-b", {})),
      );
      const both = await kubectl.ok(["describe", "cm", "pre-"]);
      expect(both.match(/^Name:\s+pre-[ab]$/gm)).toHaveLength(2);
      expect(await kubectl.fails(["describe", "cm", "none"])).toContain(
        'configmaps "none" not found',
      );
      const selected = await kubectl
        .ok(["describe", "cm", "--field-selector=metadata.name=pre-b"])
        .catch(() => "");
      if (selected !== "") expect(selected).toMatch(/^Name:\s+pre-b$/m);
    },
  );

  scenario("shows a node with its pods, and a namespace", async (kubectl, { node }) => {
    await kubectl.ok(["create", "-f", "-"], manifests(pod("web", { nodeName: node })));
    await eventually(
      "the pod runs",
      async () => (await kubectl.ok(["get", "pod", "web"])).includes("Running"),
      { timeoutMs: 30_000, intervalMs: 250 },
    );
    const text = await kubectl.ok(["describe", "node", node]);
    expect(text).toMatch(new RegExp(`^Name:\\s+${node}$`, "m"));
    expect(text).toMatch(/^\s+Ready\s+True\s/m);
    expect(text).toMatch(/^Allocatable:\n\s+cpu:/m);
    expect(text).toMatch(new RegExp(`^\\s+${kubectl.namespace}\\s+web\\s`, "m"));
    const namespace = await kubectl.ok(["describe", "ns", kubectl.namespace]);
    expect(namespace).toMatch(/^Status:\s+Active$/m);
    await kubectl.ok(["delete", "pod", "web", "--force", "--grace-period=0"]);
  });

  scenario("shows a CRD and an object of it", async (kubectl) => {
    const group = `${kubectl.namespace}.example.com`;
    await kubectl.ok(["create", "-f", "-"], manifests(gadgetCrd(group)));
    await kubectl.ok([
      "wait",
      "--for=condition=Established",
      `crd/gadgets.${group}`,
      "--timeout=20s",
    ]);
    await kubectl.ok(["create", "-f", "-"], manifests(gadget(group, "one", { parts: ["a", "b"] })));
    expect(await kubectl.ok(["describe", "crd", `gadgets.${group}`])).toMatch(
      /Type:\s+Established/,
    );
    const text = await kubectl.ok(["describe", `gadgets.${group}/one`]);
    expect(text).toMatch(/^Kind:\s+Gadget$/m);
    expect(text).toMatch(/Parts:\n\s+a\n\s+b\n\s+Size:\s+1/);
    await kubectl.ok(["delete", "crd", `gadgets.${group}`]);
  });

  scenario("events come newest last, and events -w shows them as they come", async (kubectl) => {
    await kubectl.ok(["create", "-f", "-"], manifests(configMap("one", {}), configMap("two", {})));
    await tellAbout(kubectl, "ConfigMap", "one");
    const table = await kubectl.ok(["get", "events"]);
    expect(table).toMatch(
      /^LAST SEEN\s+TYPE\s+REASON\s+OBJECT\s+MESSAGE\n\d+s\s+Normal\s+Tested\s+configmap\/one\s+a test has looked\n$/,
    );
    expect(await kubectl.ok(["get", "events", "-o", "wide"])).toMatch(
      /SUBOBJECT\s+SOURCE\s+MESSAGE\s+FIRST SEEN\s+COUNT\s+NAME/,
    );
    const about = ["get", "events", "-o", "name", "--field-selector"];
    expect(await kubectl.ok([...about, "involvedObject.name=one,reason=Tested"])).toBe(
      "event/one.configmap\n",
    );
    expect(await kubectl.ok([...about, "involvedObject.kind=Pod"])).toBe("");
  });

  scenario(
    "events selects by object and type, and follows",
    async (kubectl) => {
      await kubectl.ok(
        ["create", "-f", "-"],
        manifests(configMap("one", {}), configMap("two", {})),
      );
      await tellAbout(kubectl, "ConfigMap", "one");
      expect(await kubectl.ok(["events"])).toMatch(
        /^LAST SEEN\s+TYPE\s+REASON\s+OBJECT\s+MESSAGE\n.*ConfigMap\/one/,
      );
      const follow = kubectl.start(["events", "-w", "--for", "configmap/two"]);
      await tellAbout(kubectl, "ConfigMap", "two");
      await eventually("the event is shown", () => follow.text().includes("ConfigMap/two"));
      expect(follow.text()).not.toContain("ConfigMap/one");
      expect(await kubectl.ok(["events", "--types=Warning"])).toBe("");
      expect(await kubectl.ok(["events", "--types=Normal"])).toContain("ConfigMap/one");
    },
    { from: 27 },
  );
});
