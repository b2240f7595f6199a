import { expect } from "vitest";
import type { KubectlClient } from "../kit/kubectl-client.ts";
import { application, configMap, manifests, pod } from "../kit/manifests.ts";
import { kubectlSuite } from "../kit/suite.ts";

const revision = (kubectl: KubectlClient, what: string): Promise<string> =>
  kubectl.ok(["get", what, "-o", "jsonpath={.metadata.resourceVersion}"]);

kubectlSuite("write", (scenario) => {
  scenario("create -f makes objects, and says when they exist", async (kubectl) => {
    const both = manifests(configMap("map", { a: "1" }), application("web"));
    expect(await kubectl.ok(["create", "-f", "-"], both)).toBe(
      "configmap/map created\napplication.lighthouse.dev/web created\n",
    );
    expect(await kubectl.fails(["create", "-f", "-"], both)).toContain(
      'configmaps "map" already exists',
    );
    expect(await kubectl.fails(["create", "-f", "-", "-n", "nowhere-at-all"], both)).toContain(
      'namespaces "nowhere-at-all" not found',
    );
    const generated = manifests({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { generateName: "gen-" },
    });
    expect(await kubectl.ok(["create", "-f", "-", "-o", "name"], generated)).toMatch(
      /^configmap\/gen-[a-z0-9]{5}\n$/,
    );
    const elsewhere = manifests(configMap("map", {}, { namespace: "default" }));
    expect(
      await kubectl.fails(["create", "-n", kubectl.namespace, "-f", "-"], elsewhere),
    ).toContain("does not match the namespace");
  });

  scenario(
    "create checks fields on the server: strict, warn, ignore",
    async (kubectl) => {
      const wrong = manifests(application("web", "web:1", { replicaz: 3 }));
      expect(await kubectl.fails(["create", "-f", "-"], wrong)).toContain(
        'strict decoding error: unknown field "spec.replicaz"',
      );
      const dry = ["create", "-f", "-", "--dry-run=server"];
      const warned = await kubectl.run([...dry, "--validate=warn"], { stdin: wrong });
      expect([warned.code, warned.stderr]).toEqual([
        0,
        expect.stringContaining('Warning: unknown field "spec.replicaz"'),
      ]);
      expect(await kubectl.run([...dry, "--validate=ignore"], { stdin: wrong })).toMatchObject({
        code: 0,
        stderr: "",
      });
      const strictBuiltIn = manifests(configMap("m", {}), {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "p" },
        spec: { containers: [{ name: "c", image: "i:1", imagez: "x" }] },
      });
      expect(await kubectl.fails(["create", "-f", "-"], strictBuiltIn)).toContain(
        'unknown field "spec.containers[0].imagez"',
      );
      const invalid = manifests(application("web", "web:1", { replicas: -2, runState: "Asleep" }));
      const text = await kubectl.fails(["create", "-f", "-"], invalid);
      expect(text).toMatch(/^The Application "web" is invalid:/m);
      expect(text).toMatch(/^\* spec\.replicas: Invalid value/m);
      expect(text).toMatch(/^\* spec\.runState: Unsupported value/m);
      const warnings = [
        "create",
        "-f",
        "-",
        "--dry-run=server",
        "--validate=warn",
        "--warnings-as-errors",
      ];
      expect(await kubectl.fails(warnings, wrong)).toContain("1 warning received");
    },
    { from: 25 },
  );

  // Up to 1.24 kubectl checks by the schema itself, from 1.25 it leaves that to the server.
  scenario(
    "create checks fields by OpenAPI v2 in the client",
    async (kubectl) => {
      const wrong = manifests(application("web", "web:1", { replicaz: 3 }));
      expect(await kubectl.fails(["create", "-f", "-"], wrong)).toContain(
        'unknown field "replicaz"',
      );
    },
    { to: 24 },
  );

  scenario("dry runs print what would be, and store nothing", async (kubectl) => {
    const map = manifests(configMap("dry", { a: "1" }));
    expect(await kubectl.ok(["create", "-f", "-", "--dry-run=server"], map)).toBe(
      "configmap/dry created (server dry run)\n",
    );
    expect(await kubectl.ok(["create", "-f", "-", "--dry-run=client"], map)).toBe(
      "configmap/dry created (dry run)\n",
    );
    expect(await kubectl.fails(["get", "cm", "dry"])).toContain("not found");
    await kubectl.ok(["create", "-f", "-"], map);
    const before = await revision(kubectl, "cm/dry");
    const patch = ["patch", "cm", "dry", "-p", '{"data":{"a":"2"}}', "--dry-run=server"];
    expect(await kubectl.ok([...patch, "-o", "jsonpath={.data.a}"])).toBe("2");
    expect(await kubectl.ok(["label", "cm", "dry", "x=y", "--dry-run=server"])).toContain(
      "labeled",
    );
    expect(await kubectl.ok(["delete", "cm", "dry", "--dry-run=server"])).toContain(
      "deleted (server dry run)",
    );
    expect(await revision(kubectl, "cm/dry")).toBe(before);
  });

  scenario(
    "replace writes over what it read, and refuses what changed meanwhile",
    async (kubectl) => {
      await kubectl.ok(
        ["create", "-f", "-"],
        manifests(application("web"), configMap("map", { a: "1" })),
      );
      const old = await kubectl.ok(["get", "app", "web", "-o", "json"]);
      const changed = old.replace('"replicas": 2', '"replicas": 5');
      expect(await kubectl.ok(["replace", "-f", "-"], changed)).toBe(
        "application.lighthouse.dev/web replaced\n",
      );
      expect(
        await kubectl.ok([
          "get",
          "app",
          "web",
          "-o",
          "jsonpath={.spec.replicas} {.metadata.generation}",
        ]),
      ).toBe("5 2");
      expect(await kubectl.fails(["replace", "-f", "-"], changed)).toContain(
        "the object has been modified",
      );
      expect(
        await kubectl.ok(["replace", "-f", "-"], manifests(configMap("map", { b: "2" }))),
      ).toBe("configmap/map replaced\n");
      expect(await kubectl.ok(["get", "cm", "map", "-o", "jsonpath={.data}"])).toMatch(
        /^(\{"b":"2"\}|map\[b:2\])$/,
      );
      expect(
        await kubectl.fails(["replace", "-f", "-"], manifests(configMap("none", {}))),
      ).toContain("not found");
      expect(
        await kubectl.ok(
          ["replace", "--force", "-f", "-"],
          manifests(configMap("map", { c: "3" })),
        ),
      ).toMatch(/replaced/);
    },
  );

  scenario("patch speaks strategic, merge and JSON patch", async (kubectl) => {
    await kubectl.ok(
      ["create", "-f", "-"],
      manifests(
        application("web"),
        pod("p", {
          containers: [
            { name: "web", image: "web:1" },
            { name: "side", image: "side:1" },
          ],
        }),
      ),
    );
    const images = ["get", "pod", "p", "-o", "jsonpath={.spec.containers[*].image}"];
    const one = JSON.stringify({ spec: { containers: [{ name: "side", image: "side:2" }] } });
    expect(await kubectl.ok(["patch", "pod", "p", "-p", one])).toBe("pod/p patched\n");
    expect(await kubectl.ok(images)).toBe("web:1 side:2");
    const json = JSON.stringify([
      { op: "test", path: "/spec/containers/0/image", value: "web:1" },
      { op: "replace", path: "/spec/containers/0/image", value: "web:3" },
    ]);
    expect(await kubectl.ok(["patch", "pod", "p", "--type=json", "-p", json])).toBe(
      "pod/p patched\n",
    );
    expect(await kubectl.ok(images)).toBe("web:3 side:2");
    const failing = await kubectl.fails(["patch", "pod", "p", "--type=json", "-p", json]);
    expect(failing).toMatch(/invalid|testing path|test failed/i);
    const merge = [
      "patch",
      "app",
      "web",
      "--type=merge",
      "-p",
      '{"spec":{"replicas":4,"paused":true}}',
    ];
    expect(await kubectl.ok([...merge, "-o", "jsonpath={.spec.replicas}"])).toBe("4");
    expect(await kubectl.ok(merge)).toBe("application.lighthouse.dev/web patched (no change)\n");
    expect(await kubectl.fails(["patch", "app", "web", "-p", "{}"])).toMatch(
      /strategic-merge-patch.json"? is not/,
    );
    expect(await kubectl.fails(["patch", "cm", "none", "-p", "{}"])).toContain("not found");
    const before = await revision(kubectl, "app/web");
    await kubectl.ok(merge);
    expect(await revision(kubectl, "app/web")).toBe(before);
  });

  scenario(
    "patch writes the status alone through its subresource",
    async (kubectl) => {
      await kubectl.ok(["create", "-f", "-"], manifests(application("web")));
      const both = JSON.stringify({ spec: { replicas: 9 }, status: { ready: "1/2" } });
      await kubectl.ok(["patch", "app", "web", "--subresource=status", "--type=merge", "-p", both]);
      const shown = "jsonpath={.spec.replicas} {.status.ready} {.metadata.generation}";
      expect(await kubectl.ok(["get", "app", "web", "-o", shown])).toBe("2 1/2 1");
      await kubectl.ok(["patch", "app", "web", "--type=merge", "-p", both.replace("1/2", "9/9")]);
      expect(await kubectl.ok(["get", "app", "web", "-o", shown])).toBe("9 1/2 2");
    },
    { from: 24 },
  );

  scenario("label and annotate add, change and remove", async (kubectl) => {
    await kubectl.ok(
      ["create", "-f", "-"],
      manifests(configMap("a", {}), configMap("b", {}), application("web")),
    );
    expect(await kubectl.ok(["label", "cm", "a", "tier=front"])).toBe("configmap/a labeled\n");
    expect(await kubectl.fails(["label", "cm", "a", "tier=back"])).toContain("already has a value");
    expect(await kubectl.ok(["label", "cm", "a", "tier=back", "--overwrite"])).toBe(
      "configmap/a labeled\n",
    );
    expect(await kubectl.ok(["label", "cm", "--all", "x=y"])).toContain("configmap/b labeled");
    expect(await kubectl.ok(["get", "cm", "-l", "x=y,tier=back", "-o", "name"])).toBe(
      "configmap/a\n",
    );
    expect(await kubectl.ok(["label", "cm", "a", "tier-"])).toMatch(/configmap\/a (un)?labeled/);
    expect(await kubectl.ok(["annotate", "app", "web", "note=one two"])).toMatch(
      /web annotated?\n$/,
    );
    expect(
      await kubectl.ok([
        "get",
        "app",
        "web",
        "-o",
        "jsonpath={.metadata.annotations.note} {.metadata.generation}",
      ]),
    ).toBe("one two 1");
    expect(await kubectl.fails(["label", "cm", "a", "bad key=x"])).toContain("bad key");
    const before = await revision(kubectl, "cm/b");
    await kubectl.ok(["label", "cm", "b", "x=y", "--overwrite"]);
    expect(await revision(kubectl, "cm/b")).toBe(before);
  });

  scenario("set image writes containers of a pod", async (kubectl) => {
    await kubectl.ok(["create", "-f", "-"], manifests(pod("p")));
    expect(await kubectl.ok(["set", "image", "pod/p", "web=web:2"])).toBe("pod/p image updated\n");
    expect(await kubectl.ok(["get", "pod", "p", "-o", "jsonpath={..image}"])).toBe("web:2");
    await kubectl.ok(["create", "-f", "-"], manifests(application("web")));
    expect(await kubectl.fails(["set", "image", "app/web", "web=web:2"])).toMatch(
      /no kind "Application"|unable to decode|cannot set/,
    );
  });

  scenario("scale reads and writes the subresource, guarded by what is now", async (kubectl) => {
    await kubectl.ok(["create", "-f", "-"], manifests(application("web")));
    expect(await kubectl.ok(["scale", "app/web", "--replicas=5"])).toContain("web scaled");
    expect(
      await kubectl.ok([
        "get",
        "app",
        "web",
        "-o",
        "jsonpath={.spec.replicas} {.metadata.generation}",
      ]),
    ).toBe("5 2");
    const guarded = ["scale", "app", "web", "--current-replicas=5", "--replicas=6"];
    expect(await kubectl.ok(guarded)).toContain("scaled");
    expect(await kubectl.fails(guarded)).toContain("Expected replicas to be 5, was 6");
    await kubectl.ok(["create", "-f", "-"], manifests(configMap("map", {})));
    expect(await kubectl.fails(["scale", "cm/map", "--replicas=1"])).toMatch(
      /could not find|not found/,
    );
  });

  scenario("edit sends what the editor wrote", async (kubectl) => {
    await kubectl.ok(
      ["create", "-f", "-"],
      manifests(application("web"), configMap("map", { a: "1" })),
    );
    const editor = await kubectl.file(
      "editor",
      `#!/bin/sh\nsed -i -e 's/replicas: 2/replicas: 7/' -e 's/a: "1"/a: "2"/' "$1"\n`,
      0o755,
    );
    const env = { KUBE_EDITOR: editor };
    const app = await kubectl.run(["edit", "app", "web"], { env });
    expect(app).toMatchObject({ code: 0, stdout: "application.lighthouse.dev/web edited\n" });
    const map = await kubectl.run(["edit", "cm", "map"], { env });
    expect(map).toMatchObject({ code: 0, stdout: "configmap/map edited\n" });
    expect(
      await kubectl.ok([
        "get",
        "app/web",
        "cm/map",
        "-o",
        "jsonpath={.items[*].spec.replicas} {.items[*].data.a}",
      ]),
    ).toBe("7 2");
    const again = await kubectl.run(["edit", "cm", "map"], { env });
    expect([again.code, again.stdout + again.stderr]).toEqual([
      0,
      expect.stringContaining("no changes made"),
    ]);
    const bad = await kubectl.file(
      "bad-editor",
      `#!/bin/sh\ngrep -q 'spec.replicas' "$1" && exit 1\nsed -i 's/replicas: 7/replicas: -1/' "$1"\n`,
      0o755,
    );
    const refused = await kubectl.run(["edit", "app", "web"], { env: { KUBE_EDITOR: bad } });
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('"web" is invalid'),
    ]);
  });

  scenario("diff shows what apply would do, and does nothing", async (kubectl) => {
    const map = (value: string): string => manifests(configMap("map", { a: value }));
    await kubectl.ok(["apply", "-f", "-"], manifests(application("web")) + "---\n" + map("1"));
    const before = await revision(kubectl, "app/web");
    expect(await kubectl.ok(["diff", "-f", "-"], manifests(application("web")))).toBe("");
    const app = await kubectl.run(["diff", "-f", "-"], {
      stdin: manifests(application("web", "web:9")),
    });
    expect([app.code, app.stdout]).toEqual([1, expect.stringMatching(/^\+\s+-? ?image: web:9$/m)]);
    expect(app.stdout).toMatch(/^\+\s+generation: 2$/m);
    const built = await kubectl.run(["diff", "-f", "-"], { stdin: map("2") });
    expect([built.code, built.stdout]).toEqual([
      1,
      expect.stringMatching(/^-\s+a: "1"\n\+\s+a: "2"$/m),
    ]);
    const fresh = await kubectl.run(["diff", "-f", "-"], {
      stdin: manifests(configMap("new", { z: "1" })),
    });
    expect([fresh.code, fresh.stdout]).toEqual([1, expect.stringMatching(/^\+\s+z: "1"$/m)]);
    expect(await revision(kubectl, "app/web")).toBe(before);
    const env = { KUBECTL_EXTERNAL_DIFF: "echo" };
    expect((await kubectl.run(["diff", "-f", "-"], { stdin: map("3"), env })).stdout).toContain(
      "LIVE-",
    );
  });
});
