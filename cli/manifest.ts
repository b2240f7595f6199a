import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Document, isMap, isNode, LineCounter, parseAllDocuments } from "yaml";
import { parseApiVersion } from "../api/machinery/gvk.ts";
import type { DraftMeta } from "../api/machinery/object.ts";
import type { Io } from "./command.ts";

/** An object of a file, with the way back to its lines. */
export type Manifest = {
  readonly file: string;
  /** 1-based line where the document starts. */
  readonly line: number;
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: DraftMeta & { readonly name: string };
    readonly [field: string]: unknown;
  };
  /** `file:line` of a field path such as `spec.strategy.batch`, or of its nearest parent. */
  where(field: string): string;
};

/** A file that cannot be read as objects. The message names file, line and the way out. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/** `spec.containers[0].image` or `metadata.labels[a.b/c]` as path elements. */
export function pathElements(field: string): readonly (string | number)[] {
  const elements: (string | number)[] = [];
  for (const [, key, index] of field.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)) {
    if (key !== undefined) elements.push(key);
    else if (index !== undefined) elements.push(/^\d+$/.test(index) ? Number(index) : index);
  }
  return elements;
}

const startOf = (document: Document): number => document.contents?.range?.[0] ?? 0;

/** The document's node of a path, or of the longest part of it that the user wrote. */
function offsetOf(document: Document, field: string): number {
  const elements = pathElements(field);
  for (let length = elements.length; length > 0; length -= 1) {
    const parent = document.getIn(elements.slice(0, length - 1), true);
    const last = elements[length - 1];
    // The key stands where the user looks; the value may start on a later line.
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isNode(key) && String(key) === String(last))
      : undefined;
    const node = pair?.key ?? document.getIn(elements.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return startOf(document);
}

function problemOf(object: unknown): string | undefined {
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    return "expected an object with apiVersion, kind and metadata";
  }
  const { apiVersion, kind, metadata } = object as Record<string, unknown>;
  if (typeof apiVersion !== "string" || parseApiVersion(apiVersion) === undefined) {
    return 'apiVersion: Required value: e.g. "lighthouse.dev/v1"';
  }
  if (typeof kind !== "string" || kind === "") return 'kind: Required value: e.g. "Application"';
  const name = (metadata as Record<string, unknown> | null | undefined)?.["name"];
  if (typeof name !== "string" || name === "") return "metadata.name: Required value";
  return undefined;
}

/** The objects of one text. @throws ManifestError at the first document that cannot be read. */
export function parseManifests(file: string, source: string): readonly Manifest[] {
  const counter = new LineCounter();
  // YAML 1.1, as Kubernetes reads it: `yes` is true, `0777` is octal.
  const documents = parseAllDocuments(source, { version: "1.1", lineCounter: counter });
  const lineAt = (offset: number): number => counter.linePos(offset).line;
  const manifests: Manifest[] = [];
  for (const document of "empty" in documents ? [] : documents) {
    const [error] = document.errors;
    if (error !== undefined) {
      const [what = ""] = error.message.split("\n");
      throw new ManifestError(`${file}:${lineAt(error.pos[0])}: ${what.replace(/:$/, "")}`);
    }
    const object: unknown = document.toJS({ maxAliasCount: 100 });
    if (object === null || object === undefined) continue; // only a comment, or nothing
    const where = (field: string): string => `${file}:${lineAt(offsetOf(document, field))}`;
    const line = lineAt(startOf(document));
    for (const manifest of unfold({ file, line, object: object as Manifest["object"], where })) {
      const problem = problemOf(manifest.object);
      if (problem === undefined) manifests.push(manifest);
      else throw new ManifestError(`${manifest.where(problem.split(":")[0] ?? "")}: ${problem}`);
    }
  }
  return manifests;
}

/** A v1 List stands for its items. */
function unfold(manifest: Manifest): readonly Manifest[] {
  const { object } = manifest;
  if (object.kind !== "List" || !Array.isArray(object["items"])) return [manifest];
  return (object["items"] as readonly Manifest["object"][]).map((item, index) => ({
    ...manifest,
    object: item,
    where: (field) => manifest.where(`items[${index}].${field}`),
  }));
}

async function filesOf(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new ManifestError(`Cannot read ${path}: no such file or folder`, { cause });
  });
  if (!found.isDirectory()) return [path];
  const names = await readdir(path);
  const files = names.filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
  if (files.length === 0) throw new ManifestError(`Found no .yaml, .yml or .json file in ${path}`);
  return files.map((name) => join(path, name));
}

/** All objects of `-f` arguments, in their order. Nothing is returned unless all can be read.
 * @throws ManifestError */
export async function readManifests(
  paths: readonly string[],
  io: Pick<Io, "readStdin">,
): Promise<readonly Manifest[]> {
  const manifests: Manifest[] = [];
  for (const path of paths) {
    if (path === "-") {
      manifests.push(...parseManifests("standard input", await io.readStdin()));
      continue;
    }
    for (const file of await filesOf(path)) {
      manifests.push(...parseManifests(file, await readFile(file, "utf8")));
    }
  }
  if (manifests.length === 0) throw new ManifestError(`Found no object in ${paths.join(", ")}`);
  return manifests;
}
