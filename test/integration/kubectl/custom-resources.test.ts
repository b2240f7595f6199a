import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Env, startEnv } from "../../kit/env.ts";
import { kubectls } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type Ran, run } from "../../kit/run.ts";

const clients = kubectls().filter(({ minor }) => minor === "1.27" || minor === "1.33");
const missing = clients.length === 0 ? "neither kubectl 1.27 nor 1.33 is there" : undefined;

const text = { type: "string", maxLength: 20 };

/** A CRD of its own for each client, so that they do not meet. */
const crd = (group: string): string =>
  JSON.stringify({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `gadgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "gadgets", kind: "Gadget", shortNames: ["gd"], categories: ["shop"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          additionalPrinterColumns: [
            { name: "Color", type: "string", jsonPath: ".spec.color" },
            { name: "Weight", type: "integer", jsonPath: ".spec.weight", priority: 1 },
          ],
          schema: {
            openAPIV3Schema: {
              type: "object",
              description: "A thing to sell.",
              properties: {
                spec: {
                  type: "object",
                  required: ["color"],
                  properties: {
                    color: { ...text, description: "What it looks like." },
                    weight: { type: "integer", default: 3 },
                  },
                  "x-kubernetes-validations": [
                    { rule: "self.weight < 10", message: "too heavy to sell" },
                  ],
                },
              },
            },
          },
        },
      ],
    },
  });

const gadget = (group: string, spec: object): string =>
  JSON.stringify({ apiVersion: `${group}/v1`, kind: "Gadget", metadata: { name: "one" }, spec });

describe.skipIf(skipReason("kubectl", missing))("kubectl and custom resources", () => {
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

  test.each(clients)("a kind lives and dies under kubectl $minor", async ({ path, minor = "" }) => {
    const group = `shop${minor.replace(".", "-")}.example.com`;
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
    const made = await out(["create", "-f", "-"], crd(group));
    expect(made).toContain(`gadgets.${group} created`);
    // At once: no wait for Established, and a discovery cache from before.
    const one = await out(["create", "-f", "-"], gadget(group, { color: "red" }));
    expect(one).toContain(`gadget.${group}/one created`);
    await out(["wait", "--for=condition=Established", `crd/gadgets.${group}`, "--timeout=5s"]);
    const shown = await out(["get", `gadgets.${group}`]);
    expect(shown).toMatch(/NAME\s+COLOR\none\s+red/);
    expect(await out(["get", `gadgets.${group}`, "-o", "wide"])).toMatch(/WEIGHT\none\s+red\s+3/);
    expect(await out(["explain", "gadgets.spec.color", `--api-version=${group}/v1`])).toContain(
      "What it looks like.",
    );
    expect(await out(["api-resources", "--api-group", group])).toMatch(/gadgets\s+gd/);
    const heavy = await kubectl(["apply", "-f", "-"], gadget(group, { color: "red", weight: 12 }));
    expect(heavy.stderr).toContain("too heavy to sell");
    const odd = await kubectl(
      ["create", "--dry-run=server", "-f", "-"],
      gadget(group, { color: "red", hue: 1 }),
    );
    expect(odd.stderr).toContain('unknown field "spec.hue"');
    expect(await out(["delete", `crd/gadgets.${group}`, "--timeout=20s"])).toContain("deleted");
    const gone = await kubectl(["get", `gadgets.${group}`]);
    expect(gone.stderr).toMatch(
      /doesn't have a resource type|could not find the requested resource/,
    );
  });
});
