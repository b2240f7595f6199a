import type { StatusCause } from "./errors.ts";
import { pathText, type Segments } from "./schema-path.ts";

/** A breach and the path of the value that is to blame. */
export type Finding = { readonly cause: StatusCause; readonly path: Segments };

/** The state of one validation: where it is and what it found so far. */
export type Walk = { readonly path: (string | number)[]; readonly findings: Finding[] };

/** One keyword of a schema, or all of them: reports each breach. */
export type Check = (value: unknown, walk: Walk) => void;

/** The path of the value that is being checked, e.g. `spec.containers[0]`. */
export const here = ({ path }: Walk): string => pathText(path);

/** Notes a breach by the value that is being checked. */
export function report(walk: Walk, cause: StatusCause): void {
  walk.findings.push({ cause, path: [...walk.path] });
}

/** Runs `check` one level deeper. */
export function descend(walk: Walk, segment: string | number, value: unknown, check: Check): void {
  walk.path.push(segment);
  check(value, walk);
  walk.path.pop();
}

/** What `check` finds, without adding it to the findings of `walk`. */
export function trial(value: unknown, walk: Walk, check: Check): readonly Finding[] {
  const apart: Walk = { path: walk.path, findings: [] };
  check(value, apart);
  return apart.findings;
}

/** One check out of many. */
export function all(checks: readonly Check[]): Check {
  const [only] = checks;
  if (checks.length === 1 && only !== undefined) return only;
  return (value, walk) => {
    for (const check of checks) check(value, walk);
  };
}
