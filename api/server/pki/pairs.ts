import { join } from "node:path";
import { publicMode, readIfPresent, secretMode, writeAtomically } from "./files.ts";
import type { KeyPair } from "./issue.ts";

/** The two files of a pair. */
export type Paths = { readonly certificate: string; readonly key: string };

/** Where the pair of that name is in a directory. */
export const pathsOf = (directory: string, name: string): Paths => ({
  certificate: join(directory, `${name}.crt`),
  key: join(directory, `${name}.key`),
});

/** Runs a check of one file; its error names the file and the way out. */
export function checking<T>(path: string, wayOut: string, check: () => T): T {
  try {
    return check();
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw new Error(`Cannot use ${path}: ${why}; ${wayOut}`, { cause: err });
  }
}

/** What there is of a pair. */
export async function readPair(paths: Paths): Promise<Partial<KeyPair>> {
  const [certificate, key] = await Promise.all([
    readIfPresent(paths.certificate),
    readIfPresent(paths.key),
  ]);
  return {
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

/** Writes a pair. The key goes first: a certificate without a key would look like damage. */
export async function writePair(paths: Paths, pair: KeyPair): Promise<KeyPair> {
  await writeAtomically(paths.key, pair.key, secretMode);
  await writeAtomically(paths.certificate, pair.certificate, publicMode);
  return pair;
}
