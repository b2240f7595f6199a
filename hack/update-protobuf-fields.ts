/**
 * Writes api/server/protobuf/fields.gen.json: how the messages of the built-in kinds are read as
 * JSON. Numbers and types are those of Kubernetes' generated.proto; names in JSON, and which zero
 * values JSON shows, are in the tags of its Go types. Neither is in a package, so the facts are
 * kept here and refreshed by hand when Kubernetes moves on:
 *
 *     node hack/update-protobuf-fields.ts api apimachinery apiextensions-apiserver
 *
 * with checkouts of those repositories of github.com/kubernetes (Apache-2.0) at one release. A
 * test compares the result with the descriptors inside every kubectl of the machine.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type TaggedType, taggedTypes } from "./protobuf/go-tags.ts";
import { isScalar, type ProtoField, protoMessages } from "./protobuf/proto-file.ts";
import { definitionName, packages, shortName } from "./schemas/packages.ts";

const target = path.join(import.meta.dirname, "../api/server/protobuf/fields.gen.json");

// Read by hand-written code: their JSON is not that of their fields.
const special = new Set([
  "io.k8s.apimachinery.pkg.api.resource.Quantity",
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
  "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
  "io.k8s.apimachinery.pkg.runtime.RawExtension",
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
]);

/** `k8s.io.api.core.v1.Pod` is `io.k8s.api.core.v1.Pod` in OpenAPI. */
const definitionOf = (message: string): string =>
  message.replace(/^k8s\.io\./, "io.k8s.").replace("apiextensions_", "apiextensions-");

const folders = process.argv.slice(2);
if (folders.length === 0) throw new Error("Usage: update-protobuf-fields.ts CHECKOUT...");

const messages = new Map<string, readonly ProtoField[]>();
const types = new Map<string, TaggedType>();

async function readPackage(folder: string): Promise<void> {
  const proto = await readFile(path.join(folder, "generated.proto"), "utf8");
  const home = /^package ([\w.]+);/m.exec(proto)?.[1] ?? "";
  for (const [name, fields] of protoMessages(proto)) messages.set(definitionOf(name), fields);
  for (const file of await readdir(folder)) {
    if (!file.endsWith(".go") || file.endsWith("_test.go") || file.includes("generated")) continue;
    const source = await readFile(path.join(folder, file), "utf8");
    for (const [name, type] of taggedTypes(source))
      types.set(definitionOf(`${home}.${name}`), type);
  }
}

for (const folder of folders) {
  const files = await readdir(folder, { recursive: true });
  for (const file of files) {
    if (path.basename(file) === "generated.proto" && !file.includes("testdata")) {
      await readPackage(path.join(folder, path.dirname(file)));
    }
  }
}

/** `[]string`, `{}bytes`, `*bool` or `<Volume`: `*` keeps zeros, `<` puts fields beside others. */
function typeText({ type, shape }: ProtoField, inline: boolean, keepsZero: boolean): string {
  const name = isScalar(type) ? type : definitionOf(type);
  if (shape === "list") return `[]${name}`;
  if (shape === "map") return `{}${name}`;
  if (inline) return `<${name}`;
  return keepsZero && isScalar(type) ? `*${name}` : name;
}

/** `NUMBER NAME TYPE`; the name `.` stands for the whole value. */
function fieldText(field: ProtoField, tags: TaggedType | undefined): string | undefined {
  // A list type of Go is a message around a list.
  if (tags === undefined) return `${field.number} . ${typeText(field, false, false)}`;
  const tag = tags.get(field.number);
  if (tag === undefined) throw new Error(`Cannot find the Go field ${field.name}`);
  const { jsonName, keepsZero } = tag;
  if (jsonName === "-") return undefined;
  const inline = jsonName === "";
  return `${field.number} ${inline ? "-" : jsonName} ${typeText(field, inline, keepsZero)}`;
}

const kinds: Record<string, string> = {};
for (const { home, group, kinds: models } of packages) {
  for (const model of models) {
    const definition = definitionName(model, home);
    const apiVersion = group === "" ? "v1" : `${group}/v1`;
    if (messages.has(definition)) kinds[`${apiVersion} ${shortName(model)}`] = definition;
  }
}

const found = new Map<string, readonly string[]>();
const waiting = Object.values(kinds);
for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
  if (found.has(name) || special.has(name)) continue;
  const fields = messages.get(name);
  if (fields === undefined) throw new Error(`Cannot find message ${name}`);
  found.set(
    name,
    fields.flatMap((field) => fieldText(field, types.get(name)) ?? []),
  );
  waiting.push(
    ...fields.filter(({ type }) => !isScalar(type)).map(({ type }) => definitionOf(type)),
  );
}

const lines = (entries: readonly (readonly [string, unknown])[]): string =>
  entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`)
    .join(",\n");
const header = `"x-generated": "by hack/update-protobuf-fields.ts from Kubernetes' API types, Copyright The Kubernetes Authors, Apache-2.0. Do not edit."`;
await writeFile(
  target,
  `{\n${header},\n"kinds": {\n${lines(Object.entries(kinds))}\n},\n"messages": {\n${lines([...found])}\n}}\n`,
);
