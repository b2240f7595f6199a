import type { StatusCause } from "../errors.ts";
import type { Conflict } from "./apply-config.ts";
import type { Owner } from "./owners.ts";
import { pathText } from "./path-element.ts";

/** An owner as Kubernetes' messages name it, e.g. `"kubectl-edit" using v1`. */
function ownerText({ manager, subresource, operation, apiVersion }: Owner): string {
  const name = JSON.stringify(manager);
  const part =
    subresource === "" ? name : `${name} with subresource ${JSON.stringify(subresource)}`;
  return operation === "Update" ? `${part} using ${apiVersion}` : part;
}

/** One cause for each conflict. */
export function conflictCauses(conflicts: readonly Conflict[]): readonly StatusCause[] {
  return conflicts.map(({ owner, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${ownerText(owner)}`,
    field: pathText(path),
  }));
}

/** The message of the answer: one line for a single conflict, else a list for each owner. */
export function conflictMessage(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (first !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${ownerText(first.owner)}: ${pathText(first.path)}`;
  }
  const byOwner = new Map<string, string[]>();
  for (const { owner, path } of conflicts) {
    const text = ownerText(owner);
    const paths = byOwner.get(text) ?? [];
    byOwner.set(text, [...paths, `- ${pathText(path)}`]);
  }
  const lines = [...byOwner]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([text, paths]) => [`conflicts with ${text}:`, ...paths]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}
