import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseManifests, pathElements, readManifests } from "./manifest.ts";

const two = `# a comment
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  a: "1"
---
apiVersion: lighthouse.dev/v1
kind: Application
metadata: { name: web }
spec:
  template:
    spec:
      containers:
        - name: web
          image: web:v1
        - name: side
          imagee: side:v1
`;

test("parseManifests() reads all documents and knows their lines", () => {
  const [settings, web] = parseManifests("two.yaml", two);
  expect(settings?.object.kind).toBe("ConfigMap");
  expect(settings?.line).toBe(2);
  expect(web?.object.metadata.name).toBe("web");
  expect(web?.line).toBe(9);
});

test.each([
  ["spec.template", 13],
  ["spec.template.spec.containers[1].imagee", 19],
  ["spec.template.spec.containers[1].missing", 18],
  ["spec.replicas", 12],
  ["", 9],
])("where(%j) finds the line of the field or of its nearest parent", (field, line) => {
  const [, web] = parseManifests("two.yaml", two);
  expect(web?.where(field)).toBe(`two.yaml:${line}`);
});

test.each([
  ["no apiVersion", "kind: Pod\nmetadata: { name: a }\n", "f:1: apiVersion: Required value"],
  ["no kind", "apiVersion: v1\nmetadata: { name: a }\n", "f:1: kind: Required value"],
  ["no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", "f:3: metadata.name: Required value"],
  ["a list", "- a\n", "f:1: expected an object"],
  ["a tab", "apiVersion: v1\nkind: Pod\n\tmetadata: 1\n", "f:3: Tabs are not allowed"],
  ["a key twice", "a: 1\na: 2\n", "f:2: Map keys must be unique"],
  ["bad in the second document", `${two}---\nkind: x\n`, "f:21: apiVersion: Required value"],
])("parseManifests() names file and line when it meets %s", (_why, source, message) => {
  expect(() => parseManifests("f", source)).toThrow(message);
});

test("parseManifests() unfolds a List and skips empty documents", () => {
  const list = `---\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n`;
  const [secret, ...more] = parseManifests("f", list);
  expect(more).toEqual([]);
  expect(secret?.object.kind).toBe("Secret");
  expect(secret?.where("metadata.name")).toBe("f:8");
});

test("parseManifests() reads YAML 1.1 as Kubernetes does", () => {
  const source = "apiVersion: v1\nkind: X\nmetadata: {name: a}\nyes: yes\nmode: 0755\n";
  const [object] = parseManifests("f", source);
  expect(object?.object["mode"]).toBe(493);
});

test("pathElements() splits indexes and keys", () => {
  expect(pathElements("spec.containers[10].image")).toEqual(["spec", "containers", 10, "image"]);
  expect(pathElements("metadata.labels[a.b/c]")).toEqual(["metadata", "labels", "a.b/c"]);
});

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "manifest-"));
});
afterEach(() => rm(folder, { recursive: true }));

const noStdin = { readStdin: () => Promise.resolve("") };

test("readManifests() reads a folder in the order of its names", async () => {
  const object = (name: string): string =>
    `{apiVersion: v1, kind: Secret, metadata: {name: ${name}}}`;
  await writeFile(join(folder, "2.yml"), object("b"));
  await writeFile(
    join(folder, "1.json"),
    JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "a" } }),
  );
  await writeFile(join(folder, "notes.txt"), "not yaml");
  const found = await readManifests([folder], noStdin);
  expect(found.map(({ object: { metadata } }) => metadata.name)).toEqual(["a", "b"]);
});

test("readManifests() says what is missing", async () => {
  await mkdir(join(folder, "empty"));
  await expect(readManifests([join(folder, "no.yaml")], noStdin)).rejects.toThrow("no such file");
  await expect(readManifests([join(folder, "empty")], noStdin)).rejects.toThrow("Found no .yaml");
  await expect(readManifests(["-"], noStdin)).rejects.toThrow("Found no object in -");
});
