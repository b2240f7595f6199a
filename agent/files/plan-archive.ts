import { posix } from "node:path";
import type { FileChange } from "../engine/file-types.ts";

/** What an archive of the changes is made of. Paths are absolute. */
export type ArchivePlan = {
  /** Taken with everything below: no path is below another one. */
  readonly trees: readonly string[];
  /** Only themselves, as they may be directories of which nothing else changed. */
  readonly singles: readonly string[];
  readonly deleted: readonly string[];
};

/**
 * Which paths to read for an archive of all changes: an added directory brings what is in it, and a
 * directory that counts as changed for its entries alone is left out.
 */
export function planArchive(changes: readonly FileChange[]): ArchivePlan {
  const added = new Set(changes.filter(({ kind }) => kind === "added").map(({ path }) => path));
  const parents = new Set(changes.map(({ path }) => posix.dirname(path)));
  const isCovered = (path: string): boolean => {
    for (let at = posix.dirname(path); at !== "/"; at = posix.dirname(at))
      if (added.has(at)) return true;
    return false;
  };
  const own = changes.filter(({ path }) => !isCovered(path));
  const pathsOf = (kind: FileChange["kind"]): readonly string[] =>
    own.filter((change) => change.kind === kind).map(({ path }) => path);
  return {
    trees: pathsOf("added"),
    singles: pathsOf("changed").filter((path) => !parents.has(path)),
    deleted: pathsOf("deleted"),
  };
}

/** How an OCI image layer says that a path is gone. Source: opencontainers/image-spec, layer.md. */
export function whiteout(path: string): string {
  return posix.join(posix.dirname(path), `.wh.${posix.basename(path)}`);
}
