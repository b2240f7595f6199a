/**
 * Completes package-lock.json with the builds of native packages for other platforms: npm drops
 * those that it cannot use here or that a registry mirror lacks, and `npm ci` then refuses the
 * lockfile (npm/cli#4828). They are never fetched on this platform, so name and version suffice.
 * With `--check` it exits with 1 when some are missing: run it after each `npm install`.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

type Entry = {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
type Lock = { packages: Record<string, Entry> };

const systems = ["darwin", "linux", "win32", "android", "freebsd", "openharmony"];
const processors = [
  "arm64",
  "x64",
  "arm",
  "ia32",
  "ppc64",
  "s390x",
  "riscv64",
  "loong64",
  "wasm32",
];

/** An entry that says which platform the package is for, as its name tells. */
function entryOf(name: string, version: string, { dev, license }: Entry): Entry | undefined {
  const words = name.split(/[/-]/);
  const os = systems.filter((system) => words.includes(system));
  const cpu = processors.filter((processor) => words.includes(processor));
  if (!/^\d/.test(version) || os.length + cpu.length === 0) return undefined;
  return {
    version,
    ...(cpu.length === 0 ? {} : { cpu }),
    ...(dev === true ? { dev } : {}),
    ...(license === undefined ? {} : { license }),
    optional: true,
    ...(os.length === 0 ? {} : { os }),
  };
}

const file = path.join(import.meta.dirname, "..", "package-lock.json");
const lock = JSON.parse(await readFile(file, "utf8")) as Lock;
const missing: string[] = [];
for (const [place, owner] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (key in lock.packages || `${place}/${key}` in lock.packages) continue;
    const entry = entryOf(name, version, owner);
    if (entry === undefined) continue;
    lock.packages[key] = entry;
    missing.push(name);
  }
}
if (process.argv.includes("--check")) {
  if (missing.length > 0) {
    process.stderr.write(
      `package-lock.json lacks ${missing.join(", ")}: run node hack/update-lock.ts\n`,
    );
    process.exitCode = 1;
  }
} else if (missing.length > 0) {
  const sorted = Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1));
  lock.packages = Object.fromEntries(sorted);
  await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);
}
