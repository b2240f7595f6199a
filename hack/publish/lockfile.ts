import { readFile } from "node:fs/promises";
import path from "node:path";

/** The checkout. */
export const root = path.join(import.meta.dirname, "..", "..");

/** A package as package-lock.json has it; only what we read. */
export type LockedPackage = {
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly [field: string]: unknown;
};

/** package-lock.json: packages by their folder, e.g. `node_modules/undici`; ours is "". */
export type Lockfile = {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** Reads package-lock.json of the checkout. */
export async function readLockfile(): Promise<Lockfile> {
  return JSON.parse(await readFile(path.join(root, "package-lock.json"), "utf8")) as Lockfile;
}

/** A package that the product runs with. */
export type Dependency = {
  readonly folder: string;
  /** e.g. `@fastify/send`. */
  readonly name: string;
  readonly version: string;
  readonly license: string | undefined;
};

/** All packages that the product may run with, on whatever platform, by name. */
export function dependenciesOf({ packages }: Lockfile): readonly Dependency[] {
  return Object.entries(packages)
    .filter(([folder, { dev }]) => folder !== "" && dev !== true)
    .map(([folder, { version = "", license }]) => {
      const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
      return { folder, name, version, license };
    })
    .toSorted((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}
