import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Field, fieldTable } from "../../../api/server/protobuf/field-table.ts";
import { type DescribedField, descriptorsIn } from "../../kit/descriptors.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { kubectls } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type Ran, run } from "../../kit/run.ts";

const clients = kubectls();
const missing = clients.length === 0 ? "no kubectl on PATH" : undefined;

/** Fields of older minors that Kubernetes took away, and never gives another meaning. */
const retired = new Set([
  "EphemeralVolumeSource.readOnly",
  "ObjectMeta.clusterName",
  "PodResourceClaim.source",
  "ServiceSpec.topologyKeys",
]);

const scalar = (type: string): string => (type.includes(".") ? "message" : type);

/** What a program says of a field, and what our table says where it differs. */
function difference(message: string, described: DescribedField, own: Field | undefined): string {
  const name = `${message.slice(message.lastIndexOf(".") + 1)}.${described.name}`;
  if (own === undefined) return retired.has(name) ? "" : `${name}: not in the table`;
  const given = `${described.shape} ${described.shape === "map" ? "message" : described.type}`;
  const wanted = `${own.shape} ${own.shape === "map" ? "message" : scalar(own.type)}`;
  return given === wanted ? "" : `${name}: ${given} instead of ${wanted}`;
}

describe.skipIf(skipReason("protobuf", missing))("protobuf", () => {
  test.each(clients)("kubectl $minor describes its messages as our table does", ({ path }) => {
    const differences: string[] = [];
    let compared = 0;
    for (const [name, fields] of descriptorsIn(path)) {
      const own = fieldTable().message(name.replace(/^k8s\.io\./, "io.k8s."));
      if (own === undefined) continue;
      compared += 1;
      for (const field of fields) {
        differences.push(difference(name, field, own.get(field.number)));
      }
    }
    expect(differences.filter((text) => text !== "")).toEqual([]);
    expect(compared).toBeGreaterThan(100);
  });

  describe("bodies of kubectl", () => {
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

    const modern = clients.filter(({ minor }) => Number(minor?.slice(2) ?? 0) >= 32);

    test.each(modern)("$minor creates objects by its generators", async ({ path, minor = "" }) => {
      const kubectl = (...args: readonly string[]): Promise<Ran> =>
        run([path, ...args], { env: { KUBECONFIG: env.kubeconfig, HOME: join(home, minor) } });
      const create = async (...args: readonly string[]): Promise<unknown> => {
        const { code, stdout, stderr } = await kubectl("create", ...args, "-o", "json", "-v=8");
        expect(code, stderr).toBe(0);
        // Else this minor would prove nothing.
        expect(stderr).toMatch(/Content-Type: application\/vnd\.kubernetes\.protobuf|6b 38 73 00/);
        return JSON.parse(stdout);
      };
      const place = `team-${minor.replace(".", "-")}`;
      const scope = ["--namespace", place];
      expect(await create("namespace", place)).toMatchObject({ status: { phase: "Active" } });
      expect(
        await create("configmap", "settings", "--from-literal=mode=fast", ...scope),
      ).toMatchObject({ metadata: { name: "settings", namespace: place }, data: { mode: "fast" } });
      expect(
        await create("secret", "generic", "keys", "--from-literal=a=b", ...scope),
      ).toMatchObject({ data: { a: "Yg==" }, type: "Opaque" });
      expect(await create("serviceaccount", "robot", ...scope)).toMatchObject({
        metadata: { name: "robot" },
      });
      const token = await kubectl("create", "token", "robot", ...scope);
      expect(token.stdout.trim().split("."), token.stderr).toHaveLength(3);
      const may = await kubectl("auth", "can-i", "create", "pods", ...scope);
      expect(may.stdout.trim(), may.stderr).toBe("yes");
      expect(
        await create("role", "reader", "--verb=get,list", "--resource=pods", ...scope),
      ).toMatchObject({
        rules: [{ verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] }],
      });
      expect(
        await create("rolebinding", "readers", "--role=reader", "--user=ann", ...scope),
      ).toMatchObject({ roleRef: { kind: "Role", name: "reader" }, subjects: [{ name: "ann" }] });
    });

    const podOn = (node: string, name: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec: { nodeName: ${node}, containers: [{ name: main, image: "main:1" }] }
`;

    test.each(modern)("$minor drains and debugs", async ({ path, minor = "" }) => {
      const kubectl = async (args: readonly string[], stdin?: string): Promise<string> => {
        const { code, stderr } = await run([path, ...args, "-v=8"], {
          env: { KUBECONFIG: env.kubeconfig, HOME: join(home, minor) },
          ...(stdin === undefined ? {} : { stdin }),
        });
        expect(code, stderr).toBe(0);
        return stderr;
      };
      const node = `node-${minor.replace(".", "-")}`;
      const [first, second] = [`${node}-a`, `${node}-b`];
      const manifest = { apiVersion: "v1", kind: "Node", metadata: { name: node } };
      await kubectl(["create", "-f", "-"], JSON.stringify(manifest));
      await kubectl(["create", "-f", "-"], podOn(node, first));
      // Without the explicit zero of its options the Pod would wait for its agent.
      const drained = await kubectl([
        "drain",
        node,
        "--disable-eviction",
        "--force",
        "--grace-period=0",
        "--timeout=30s",
      ]);
      expect(drained).toMatch(/6b 38 73 00.*Dele/);
      await kubectl(["create", "-f", "-"], podOn(node, second));
      const copied = await kubectl([
        "debug",
        second,
        `--copy-to=${second}-copy`,
        "--image=debug:1",
        "--container=debugger",
      ]);
      expect(copied).toMatch(/6b 38 73 00.*Pod/);
    });
  });
});
