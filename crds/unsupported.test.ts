import { expect, test } from "vitest";
import { crds } from "./crds.ts";
import { unsupportedFields, whyUnsupported } from "./unsupported.ts";

type Node = {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
};

/** The schema at `path`, e.g. `spec.volumes[].nfs`; `undefined` when it has none. */
function schemaAt(root: Node | undefined, path: string): Node | undefined {
  return path.split(".").reduce<Node | undefined>((node, part) => {
    const field = node?.properties?.[part.replace("[]", "")];
    return part.endsWith("[]") ? field?.items : field;
  }, root);
}

const application = crds[0]?.spec.versions[0]?.schema.openAPIV3Schema as Node;
const template = schemaAt(application, "spec.template");

test("unsupportedFields are not in the schema, while what holds them is", () => {
  const known = unsupportedFields.filter(({ path }) => schemaAt(template, path) !== undefined);
  expect(known).toEqual([]);
  const parents = unsupportedFields
    .map(({ path }) => path.slice(0, path.lastIndexOf(".")))
    // An init container has no lifecycle at all.
    .filter((path) => !path.startsWith("spec.initContainers[].lifecycle"));
  expect(parents.filter((path) => schemaAt(template, path) === undefined)).toEqual([]);
});

test("unsupportedFields name each field once, with a reason that ends a sentence", () => {
  const paths = unsupportedFields.map(({ path }) => path);
  expect(paths.length).toBe(new Set(paths).size);
  for (const { reason } of unsupportedFields) expect(reason).toMatch(/^\S.*[^.]$/);
});

test.each([
  ["spec.template.spec.nodeName", "use placement.nodes of the Application"],
  [
    "spec.template.spec.containers[12].readinessProbe.grpc",
    "use exec with a gRPC health client, or tcpSocket",
  ],
  ["spec.template.spec.containerz", undefined],
  ["spec.replica", undefined],
])("whyUnsupported() knows %s", (field, reason) => {
  expect(whyUnsupported(field)).toBe(reason);
});
