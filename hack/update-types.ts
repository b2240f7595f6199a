/**
 * Writes what is derived from crds/*.yaml: `npm run update`. With `--check` it writes nothing and
 * exits with 1 when a file on disk differs from what would be written.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { format } from "prettier";
import { parse } from "yaml";
import { declareTypes, type KindSchema, type SchemaNode } from "./types/declare.ts";
import { copyTemplate } from "./types/template.ts";

const header = "Generated from crds/*.yaml by `npm run update`. Do not edit.";
const folder = path.join(import.meta.dirname, "..", "crds");
const kinds = ["application", "revision", "beacon", "user", "session"] as const;

type Manifest = SchemaNode & {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: SchemaNode } }[];
  };
};

function kindOf({ spec }: Manifest): KindSchema {
  const [version] = spec.versions;
  if (version === undefined) throw new Error(`Cannot find a version of ${spec.names.kind}`);
  return { kind: spec.names.kind, schema: version.schema.openAPIV3Schema };
}

const read = (file: string): Promise<string> => readFile(path.join(folder, file), "utf8");

/** Every derived file and its text, as prettier would leave it. */
async function derive(): Promise<ReadonlyMap<string, string>> {
  const sources = new Map<string, string>();
  for (const kind of kinds) sources.set(`${kind}.yaml`, await read(`${kind}.yaml`));
  const revision = copyTemplate(
    sources.get("application.yaml") ?? "",
    sources.get("revision.yaml") ?? "",
  );
  sources.set("revision.yaml", revision);
  const manifests = [...sources.values()].map((text) => parse(text) as Manifest);
  const types = await declareTypes(manifests.map(kindOf));
  const files = new Map([
    ["revision.yaml", revision],
    [
      "types.gen.ts",
      await format(`// ${header}\n\n${types}`, { filepath: "x.ts", printWidth: 100 }),
    ],
  ]);
  for (const [index, kind] of kinds.entries()) {
    const text = await format(JSON.stringify(manifests[index]), {
      filepath: "x.json",
      printWidth: 100,
    });
    files.set(`${kind}.gen.json`, text);
  }
  return files;
}

let stale = 0;
const check = process.argv.includes("--check");
for (const [file, text] of await derive()) {
  const before = await read(file).catch(() => "");
  if (before === text) continue;
  stale += 1;
  if (check) process.stderr.write(`crds/${file} is out of date: run npm run update\n`);
  else await writeFile(path.join(folder, file), text);
}
process.exitCode = check && stale > 0 ? 1 : 0;
