/**
 * Makes the build context of the agent's container image: what it runs from and nothing else, no tests,
 * no packages of the server.
 *
 *     node hack/image-context.ts DIR && docker build -f manifests/agent/Dockerfile -t lighthouse-agent DIR
 */
import { cp, mkdir, readFile } from "node:fs/promises";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");

const parts = [
  "agent",
  "api",
  "cli",
  "controllers",
  "crds",
  "manifests",
  "package.json",
  "LICENSE",
];

/** Nothing that runs reads these. */
const idle = /(\.d\.[cm]?ts|\.map|\.md|\.markdown|\.test\.ts|\.test\.ts\.snap)$/;
const idleFolders = new Set(["testdata", "__snapshots__"]);

/** What only servers load, or nothing while it runs. An agent that needed one would not start. */
const notForAgents = new Set([
  "@kubernetes/client-node",
  "@marcbachmann/cel-js",
  "@peculiar/x509",
  "cockatiel",
  "etcd3",
  "fastify",
  "jose",
  "lmdb",
  "re2js",
  "reflect-metadata",
]);

type Locked = {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
type Lockfile = { readonly packages: Readonly<Record<string, Locked>> };

/** Where Node.js finds a package that `folder` names: in it, or further up. */
function resolve(packages: Lockfile["packages"], folder: string, name: string): string | undefined {
  for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const place = path.posix.join(at, "node_modules", name);
    if (packages[place] !== undefined) return place;
    if (at === "") return undefined;
  }
}

/** Folders of the packages that an agent runs with, e.g. `node_modules/undici`. */
async function agentPackages(): Promise<ReadonlySet<string>> {
  const text = await readFile(path.join(root, "package-lock.json"), "utf8");
  const { packages } = JSON.parse(text) as Lockfile;
  const found = new Set<string>();
  const visit = (folder: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = packages[folder] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (folder === "" && notForAgents.has(name)) continue;
      const place = resolve(packages, folder, name);
      if (place === undefined || found.has(place)) continue;
      found.add(place);
      visit(place);
    }
  };
  visit("");
  return found;
}

const isWanted = (source: string): boolean =>
  !idle.test(source) && !idleFolders.has(path.basename(source));

async function copyPackage(folder: string, target: string): Promise<void> {
  const from = path.join(root, folder);
  const filter = (source: string): boolean => {
    // Nested packages are packages of their own, and may be for development.
    const inside = path.relative(from, source).split(path.sep);
    return !inside.includes("node_modules") && isWanted(source);
  };
  await cp(from, path.join(target, folder), { recursive: true, filter }).catch((err: unknown) => {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return; // of another platform
    throw err;
  });
}

/** Fills a new folder with everything that the agent's image is made of. */
export async function makeImageContext(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  const filter = (source: string): boolean => isWanted(source);
  for (const part of parts) {
    await cp(path.join(root, part), path.join(target, part), { recursive: true, filter });
  }
  for (const folder of await agentPackages()) await copyPackage(folder, target);
  await copyBusybox(path.join(target, "bin"));
}

/** For the relays on engines elsewhere, see docs/networking.md: Debian's busybox-static, if it is here. */
async function copyBusybox(target: string): Promise<void> {
  await mkdir(target);
  await cp("/bin/busybox", path.join(target, "busybox"), { dereference: true }).catch((err) => {
    console.warn(`No busybox for relays in the image: ${String(err)}`);
  });
}

if (import.meta.main) {
  const [target] = process.argv.slice(2);
  if (target === undefined) throw new Error("Usage: node hack/image-context.ts DIR");
  await makeImageContext(target);
}
