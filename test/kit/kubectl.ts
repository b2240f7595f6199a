import { spawnSync } from "node:child_process";
import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A kubectl binary of this machine. */
export type Kubectl = {
  readonly path: string;
  /** e.g. `1.32`; undefined for a plain `kubectl` that does not say. */
  readonly minor: string | undefined;
};

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // absent, or not ours to run
  }
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // PATH often names folders that are not there
  }
}

/** What a plain `kubectl` says of itself, e.g. Debian's `1.20`. */
function minorOf(path: string): string | undefined {
  const { stdout } = spawnSync(path, ["version", "--client", "-o", "json"], { encoding: "utf8" });
  return /"gitVersion": *"v(1\.\d+)\./.exec(stdout)?.[1];
}

/**
 * Every kubectl there is, oldest first. A plain `kubectl` counts only where there is no versioned
 * one: it may be a dispatcher that picks the binary by the server's version. To test
 * one more, put it on PATH as `kubectl.1.20`.
 */
export function kubectls(): readonly Kubectl[] {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/usr/lib/google-cloud-sdk/bin", // where Google's SDK keeps one binary per minor
  ];
  const found = new Map<string, Kubectl>();
  for (const folder of new Set(folders)) {
    for (const name of entries(folder)) {
      const minor = /^kubectl\.(1\.\d+)$/.exec(name)?.[1];
      const path = join(folder, name);
      if (minor !== undefined && isExecutable(path)) found.set(minor, { path, minor });
    }
  }
  const versioned = [...found.values()].toSorted((a, b) =>
    (a.minor ?? "").localeCompare(b.minor ?? "", "en", { numeric: true }),
  );
  if (versioned.length > 0) return versioned;
  const plain = folders.map((folder) => join(folder, "kubectl")).find(isExecutable);
  return plain === undefined ? [] : [{ path: plain, minor: minorOf(plain) }];
}

/** One kubectl for tests that need any: 1.32 if it is there, else the newest. */
export function anyKubectl(): Kubectl | undefined {
  const all = kubectls();
  return all.find(({ minor }) => minor === "1.32") ?? all.at(-1);
}
