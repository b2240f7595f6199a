import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Env, startEnv } from "../../kit/env.ts";
import { kubectls } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type Ran, run } from "../../kit/run.ts";

// The oldest that migrates from client-side apply, and the newest.
const clients = kubectls().filter(({ minor }) => minor === "1.27" || minor === "1.33");
const missing = clients.length === 0 ? "no kubectl 1.27 or 1.33" : undefined;

const map = (name: string, data: object): string =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });

const application = (name: string, spec: object): string =>
  JSON.stringify({
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name },
    spec: { template: { spec: { containers: [{ name: "web", image: "web:1" }] } }, ...spec },
  });

describe.skipIf(skipReason("server-side apply", missing))("kubectl apply --server-side", () => {
  let env: Env;
  let home: string;

  beforeAll(async () => {
    env = await startEnv();
    home = await mkdtemp(path.join(tmpdir(), "lighthouse-apply-"));
  });
  afterAll(async () => {
    await env.stop();
    await rm(home, { recursive: true, force: true });
  });

  describe.each(clients)("$minor", ({ path: binary, minor = "any" }) => {
    const name = (text: string): string => `${text}-${minor.replace(".", "-")}`;
    const kubectl = (
      args: readonly string[],
      stdin = "",
      more: NodeJS.ProcessEnv = {},
    ): Promise<Ran> =>
      run([binary, ...args], {
        env: { KUBECONFIG: env.kubeconfig, HOME: path.join(home, minor), ...more },
        stdin,
      });
    const ok = async (args: readonly string[], stdin?: string): Promise<string> => {
      const { code, stdout, stderr } = await kubectl(args, stdin);
      expect(`${code} ${stderr}`).toMatch(/^0 /);
      return stdout;
    };
    const side = (...more: readonly string[]): readonly string[] => [
      "apply",
      "--server-side",
      "-f",
      "-",
      ...more,
    ];
    const json = async (what: string): Promise<Record<string, never>> =>
      JSON.parse(await ok(["get", what, "-o", "json", "--show-managed-fields"]));
    const managersOf = async (what: string): Promise<readonly string[]> => {
      const { metadata } = (await json(what)) as unknown as {
        metadata: { managedFields: { manager: string; operation: string; subresource?: string }[] };
      };
      // Without a manager of its own, scale goes by the name of the binary.
      return metadata.managedFields
        .map(({ manager, operation, subresource = "" }) =>
          [manager.replace(/\.1\.\d+$/, ""), operation, subresource].join(" ").trim(),
        )
        .toSorted();
    };

    test("applies twice without a change, and prunes what is taken out", async () => {
      const app = name("twice");
      expect(await ok(side(), application(app, { replicas: 3, paused: true }))).toContain(
        "serverside-applied",
      );
      const before = await json(`app/${app}`);
      await ok(side(), application(app, { replicas: 3, paused: true }));
      expect(await json(`app/${app}`)).toEqual(before);
      await ok(side(), application(app, { replicas: 3 }));
      // The field goes back to its default, which nobody owns.
      expect(await ok(["get", "app", app, "-o", "jsonpath={.spec.paused}"])).not.toBe("true");
      expect(await managersOf(`app/${app}`)).toEqual(["kubectl Apply"]);
    });

    test("names the owner of a field that it would change, and yields to force", async () => {
      const cm = name("conflict");
      await ok(side("--field-manager=ci"), map(cm, { color: "red", size: "1" }));
      const refused = await kubectl(
        side("--field-manager=ops"),
        map(cm, { color: "blue", size: "2" }),
      );
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(
        'Apply failed with 2 conflicts: conflicts with "ci":\n- .data.color\n- .data.size',
      );
      await ok(side("--field-manager=ops", "--force-conflicts"), map(cm, { color: "blue" }));
      expect(await ok(["get", "cm", cm, "-o", "jsonpath={.data.color} {.data.size}"])).toBe(
        "blue 1",
      );
    });

    test("kubectl scale takes the replicas, and a later apply conflicts with it", async () => {
      const app = name("scaled");
      await ok(side(), application(app, { replicas: 1 }));
      await ok(["scale", `app/${app}`, "--replicas=4"]);
      expect(await managersOf(`app/${app}`)).toEqual(["kubectl Apply", "kubectl Update scale"]);
      const refused = await kubectl(side(), application(app, { replicas: 2 }));
      expect(refused.stderr).toContain(
        'with subresource "scale" using lighthouse.dev/v1: .spec.replicas',
      );
      await ok(side(), application(app, {}));
      expect(await ok(["get", "app", app, "-o", "jsonpath={.spec.replicas}"])).toBe("4");
    });

    test("diff shows what an apply would do, and stores nothing", async () => {
      const cm = name("diff");
      await ok(side(), map(cm, { color: "red" }));
      const before = await json(`cm/${cm}`);
      const same = await kubectl(["diff", "--server-side", "-f", "-"], map(cm, { color: "red" }));
      expect([same.code, same.stdout, same.stderr]).toEqual([0, "", ""]);
      const other = await kubectl(["diff", "--server-side", "-f", "-"], map(cm, { color: "blue" }));
      expect(other.code).toBe(1);
      expect(other.stdout).toMatch(/-\s+color: red\n\+\s+color: blue/);
      expect(await json(`cm/${cm}`)).toEqual(before);
    });

    test("takes over from client-side apply, which still works afterwards", async () => {
      const cm = name("migrated");
      await ok(["apply", "-f", "-"], map(cm, { color: "red", size: "1" }));
      expect(await managersOf(`cm/${cm}`)).toEqual(["kubectl-client-side-apply Update"]);
      expect(await ok(["apply", "-f", "-"], map(cm, { color: "red", size: "1" }))).toContain(
        "unchanged",
      );
      await ok(side(), map(cm, { color: "blue" }));
      expect(await managersOf(`cm/${cm}`)).toEqual(["kubectl Apply", "kubectl-last-applied Apply"]);
      expect(await ok(["get", "cm", cm, "-o", "jsonpath={.data}"])).toBe('{"color":"blue"}');
      await ok(["apply", "-f", "-"], map(cm, { color: "blue" })); // it writes its annotation anew
      const again = await ok(["apply", "-f", "-"], map(cm, { color: "blue" }));
      expect(again).toContain("unchanged");
    });

    test("keeps sets of objects by their parent", async () => {
      const set = name("set");
      const parent = `--applyset=configmaps/${set}`;
      const args = ["apply", "--prune", parent, "-n", "default", "-f", "-"];
      const flags = { KUBECTL_APPLYSET: "true" };
      const items = [map(`${set}-a`, {}), map(`${set}-b`, {})].join(",");
      const both = `{"apiVersion":"v1","kind":"List","items":[${items}]}`;
      const first = await kubectl(args, both, flags);
      expect([first.code, first.stderr]).toEqual([0, ""]);
      const second = await kubectl(args, map(`${set}-a`, {}), flags);
      expect([second.code, second.stderr]).toEqual([0, ""]);
      expect(second.stdout).toContain(`configmap/${set}-b pruned`);
      expect(await managersOf(`cm/${set}`)).toEqual(["kubectl-applyset Apply"]);
    });
  });
});
