/**
 * Runs inside a checkout of the version whose data format is to be kept, with that version's code:
 * see hack/make-upgrade-fixture. Arguments: an empty data folder, and the file to describe it in.
 */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStore } from "../../api/store/open.ts";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { testImages } from "../../test/kit/images.ts";
import { type Lighthouse, startLighthouse } from "../../test/kit/lighthouse.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { manifest } from "../../test/e2e/site.ts";

const [dataDir = "", description = ""] = process.argv.slice(2);
/** The engine that the containers are on; the test gives its own the same identity. */
const identity = { id: "UPGRADE:0001", name: "upgrade-host" };

const objects = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
  {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "login", namespace: "shop" },
    stringData: { password: "plain until the upgrade" },
  },
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace: "shop" },
    data: { color: "blue" },
  },
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "deployer", namespace: "shop" } },
  {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/service-account-token",
    metadata: {
      name: "deployer-token",
      namespace: "shop",
      annotations: { "kubernetes.io/service-account.name": "deployer" },
    },
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "deployer", namespace: "shop" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "edit" },
    subjects: [{ kind: "ServiceAccount", name: "deployer", namespace: "shop" }],
  },
  {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "quota", namespace: "shop" },
    spec: { hard: { "count/configmaps": "20" } },
  },
  {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "ships.example.dev" },
    spec: {
      group: "example.dev",
      scope: "Namespaced",
      names: { plural: "ships", singular: "ship", kind: "Ship", listKind: "ShipList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: { spec: { type: "object", properties: { masts: { type: "integer" } } } },
            },
          },
        },
      ],
    },
  },
];
const ship = {
  apiVersion: "example.dev/v1",
  kind: "Ship",
  metadata: { name: "beagle", namespace: "shop" },
  spec: { masts: 3 },
};

async function apply(lighthouse: Lighthouse, stdin: string, ...more: string[]): Promise<void> {
  const { code, stdout, stderr } = await lighthouse.cli(["apply", "-f", "-", ...more], { stdin });
  if (code !== 0) throw new Error(`${stdout}${stderr}`);
}

await using engine = await simulatedEngine(identity);
{
  await using lighthouse = await startLighthouse({ dataDir, docker: [engine.url] });
  await apply(lighthouse, objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  await apply(lighthouse, JSON.stringify(ship));
  await apply(lighthouse, manifest("web", testImages.web), "--wait");
  await apply(lighthouse, manifest("web", testImages.web2), "--wait");
  await lighthouse.cli(["token", "create"]);
}
await using client = openEngine(engine.url);
const containers = (await client.containers.list({})).map(({ name, image, labels }) => ({
  name,
  image,
  labels,
}));
await using store = await openStore(`lmdb://${join(dataDir, "store")}`);
const { entries } = await store.list({ prefix: "/registry/" });
const stored = entries
  .filter(({ key }) => !key.includes("/leases/") && !key.includes("/events/"))
  .map(({ key, value, at, createdAt }) => ({
    key,
    at,
    createdAt,
    sha256: createHash("sha256").update(value).digest("hex"),
  }));
const text = JSON.stringify({ engine: identity, containers, stored }, null, 1);
await writeFile(description, `${text}\n`);
