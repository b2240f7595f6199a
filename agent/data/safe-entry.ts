import { posix } from "node:path";

/** An entry of an archive that came from somewhere else. */
export type ForeignEntry = {
  readonly name: string;
  readonly type: string;
  readonly linkname?: string | null | undefined;
};

/** What may be made of one: a path below the place that it is unpacked to. */
export type SafeEntry = {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly target?: string;
};

function below(name: string): string | undefined {
  if (name.includes("\0") || name.includes("\\") || name.startsWith("/")) return undefined;
  if (name.split("/").includes("..")) return undefined;
  return posix.normalize(name).replace(/\/$/, "");
}

/** Where a link leads, seen from the top of the archive; `undefined` when that is outside. */
function targetInside(path: string, target: string): string | undefined {
  if (target === "" || target.startsWith("/") || target.includes("\0")) return undefined;
  // Behind another link ".." leads somewhere else than it reads.
  const down = target.replace(/^(\.{1,2}(\/|$))+/, "");
  if (down.split("/").includes("..")) return undefined;
  const end = posix.normalize(posix.join(posix.dirname(path), target));
  return end === ".." || end.startsWith("../") ? undefined : target;
}

/**
 * Whether an entry stays in its place: no absolute path, no "..", no link to somewhere outside, nothing but
 * files, directories and symbolic links. `written` holds the links that were made before: nothing may be
 * written through one of them (CVE-2018-20834 and its many relatives).
 *
 * @returns what is wrong, in words, or `undefined` for the root itself, which is there already
 */
export function safeEntry(
  entry: ForeignEntry,
  links: ReadonlySet<string>,
): SafeEntry | string | undefined {
  const { name, type, linkname } = entry;
  const path = below(name);
  if (path === undefined) return `its entry ${JSON.stringify(name)} leads out of its directory`;
  if (path === "" || path === ".") return undefined;
  for (let at = path; at !== "."; at = posix.dirname(at))
    if (links.has(at)) return `its entry ${JSON.stringify(name)} is written through a link`;
  if (type === "file" || type === "directory") return { path, type };
  if (type !== "symlink")
    return `its entry ${JSON.stringify(name)} is a ${type}; only files, directories and symbolic links are unpacked`;
  const target = targetInside(path, linkname ?? "");
  if (target === undefined)
    return `its link ${JSON.stringify(name)} leads out of its directory, to ${JSON.stringify(linkname)}`;
  return { path, type: "symlink", target };
}
