import { expect, test } from "vitest";
import { isJsonObject } from "../../machinery/equality.ts";
import type { JsonSchema } from "../kinds/kind.ts";
import { builtInDefinitions } from "./builtin.ts";

const core = "io.k8s.api.core.v1";
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

async function definition(name: string): Promise<JsonSchema> {
  return (await builtInDefinitions()).get(name) ?? {};
}

async function field(name: string, of: string): Promise<JsonSchema> {
  const { properties } = await definition(name);
  const found = isJsonObject(properties) ? properties[of] : undefined;
  return isJsonObject(found) ? found : {};
}

/** Lists whose items keep their identity: the keys of an apply, and of a strategic patch. */
test.each([
  [`${core}.Container`, "ports", ["containerPort", "protocol"], "containerPort"],
  [`${core}.Container`, "env", ["name"], "name"],
  [`${core}.PodSpec`, "containers", ["name"], "name"],
  [
    `${core}.PodSpec`,
    "topologySpreadConstraints",
    ["topologyKey", "whenUnsatisfiable"],
    "topologyKey",
  ],
  [`${core}.PodSpec`, "imagePullSecrets", ["name"], "name"],
  [`${core}.PodStatus`, "conditions", ["type"], "type"],
  [`${core}.ResourceRequirements`, "claims", ["name"], undefined],
  [`${core}.ServiceSpec`, "ports", ["port", "protocol"], "port"],
  [`${meta}.ObjectMeta`, "ownerReferences", ["uid"], "uid"],
])("items of %s.%s are told apart by %j", async (name, of, keys, mergeKey) => {
  const schema = await field(name, of);
  expect(schema["x-kubernetes-list-type"]).toBe("map");
  expect(schema["x-kubernetes-list-map-keys"]).toEqual(keys);
  expect(schema["x-kubernetes-patch-merge-key"]).toBe(mergeKey);
});

test.each([
  [`${meta}.ObjectMeta`, "finalizers", "set"],
  [`${core}.NodeSpec`, "podCIDRs", "set"],
  [`${core}.PodSpec`, "tolerations", "atomic"],
  [`${core}.Container`, "args", "atomic"],
  [`${core}.PodStatus`, "hostIPs", "atomic"],
])("%s.%s is a list of type %s", async (name, of, type) => {
  expect((await field(name, of))["x-kubernetes-list-type"]).toBe(type);
});

test.each([
  `${meta}.LabelSelector`,
  `${core}.ObjectReference`,
  `${core}.SecretKeySelector`,
  `${core}.LocalObjectReference`,
  `${core}.NodeSelector`,
  "io.k8s.api.rbac.v1.RoleRef",
])("%s is applied as a whole", async (name) => {
  expect((await definition(name))["x-kubernetes-map-type"]).toBe("atomic");
});

test("an apply without the protocol of a port means TCP", async () => {
  expect((await field(`${core}.ContainerPort`, "protocol"))["default"]).toBe("TCP");
});

/** Every reference below a schema. */
function refsIn(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(refsIn);
  if (!isJsonObject(node)) return [];
  const own = typeof node["$ref"] === "string" ? [node["$ref"]] : [];
  return [...own, ...Object.values(node).flatMap(refsIn)];
}

test("every reference of a definition leads to another", async () => {
  const all = await builtInDefinitions();
  const known = new Set([...all.keys()].map((name) => `#/components/schemas/${name}`));
  const lost = [...all.values()].flatMap(refsIn).filter((ref) => !known.has(ref));
  expect(lost).toEqual([]);
});
