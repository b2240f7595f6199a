import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import path from "node:path";
import { ownFiles } from "../gate/checks.ts";
import { type Lockfile, root } from "./lockfile.ts";

/** A file of the package: its path in it, and its bytes. */
export type PackageFile = { readonly path: string; readonly bytes: Buffer; readonly mode: number };

/** Folders and files that the product runs from. */
const parts = ["agent", "api", "cli", "controllers", "crds", "manifests"];
const documents = ["CHANGELOG.md", "LICENSE", "README.md"];
const idle = /(\.test\.ts|\.d\.ts)$|(^|\/)(testdata|__snapshots__)\//;

/** Where one of our modules names another, as a literal. */
const ownModule = /((?:\bfrom|\bimport)\s*\(?\s*"|new URL\(\s*")(\.{1,2}\/[^"\n]+)\.ts"/g;

/**
 * A module as JavaScript: Node.js strips no types in `node_modules`. Types become spaces, so that
 * lines and columns of stack traces are those of the source.
 */
export function toJavaScript(source: string): string {
  const stripped = stripTypeScriptTypes(source, { mode: "strip" });
  return stripped.replaceAll(ownModule, '$1$2.js"');
}

async function productFile(file: string): Promise<PackageFile> {
  const bytes = await readFile(path.join(root, file));
  const mode = file === "cli/lighthouse.mjs" ? 0o755 : 0o644;
  if (file.endsWith(".ts")) {
    const text = toJavaScript(bytes.toString("utf8"));
    return { path: file.replace(/\.ts$/, ".js"), bytes: Buffer.from(text), mode };
  }
  if (file.endsWith(".mjs")) {
    const text = bytes.toString("utf8").replaceAll(ownModule, '$1$2.js"');
    return { path: file, bytes: Buffer.from(text), mode };
  }
  return { path: file, bytes, mode };
}

const jsonFile = (name: string, value: unknown): PackageFile => ({
  path: name,
  bytes: Buffer.from(`${JSON.stringify(value, null, 2)}\n`),
  mode: 0o644,
});

type Manifest = Readonly<Record<string, unknown>> & {
  readonly name: string;
  readonly version: string;
};

/** package.json of the checkout. */
export async function readManifest(): Promise<Manifest> {
  return JSON.parse(await readFile(path.join(root, "package.json"), "utf8")) as Manifest;
}

/** package.json as it is published: nothing of how we work. */
function publishedManifest(manifest: Manifest): object {
  const { private: _private, scripts: _scripts, devDependencies: _dev, ...rest } = manifest;
  return rest;
}

/** Exactly the packages that were tested, with their hashes, for whoever installs. */
function shrinkwrap({ name, version }: Manifest, lockfile: Lockfile): object {
  const kept = Object.entries(lockfile.packages).filter(([, { dev }]) => dev !== true);
  const packages = Object.fromEntries(
    kept.map(([folder, { devDependencies: _dev, ...entry }]) => [folder, entry]),
  );
  return { name, version, lockfileVersion: lockfile.lockfileVersion, requires: true, packages };
}

/** All files of the package, by path. */
export async function packageFiles(lockfile: Lockfile): Promise<readonly PackageFile[]> {
  const names = (await ownFiles(...parts)).filter((name) => !idle.test(name));
  const manifest = await readManifest();
  const files = await Promise.all([...names, ...documents].map(productFile));
  const generated = [
    jsonFile("package.json", publishedManifest(manifest)),
    jsonFile("npm-shrinkwrap.json", shrinkwrap(manifest, lockfile)),
  ];
  return [...files, ...generated].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
