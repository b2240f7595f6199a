import type { StatusCause } from "./errors.ts";
import { pathText } from "./schema-path.ts";

/** The state of one validation: where it is and what it found so far. */
export type Walk = { readonly path: (string | number)[]; readonly causes: StatusCause[] };

/** One keyword of a schema, or all of them: adds a cause for each breach. */
export type Check = (value: unknown, walk: Walk) => void;

/** The path of the value that is being checked, e.g. `spec.containers[0]`. */
export const here = ({ path }: Walk): string => pathText(path);

/** Runs `check` one level deeper. */
export function descend(walk: Walk, segment: string | number, value: unknown, check: Check): void {
  walk.path.push(segment);
  check(value, walk);
  walk.path.pop();
}

/** What `check` finds, without adding it to the findings of `walk`. */
export function trial(value: unknown, walk: Walk, check: Check): readonly StatusCause[] {
  const apart: Walk = { path: walk.path, causes: [] };
  check(value, apart);
  return apart.causes;
}

/** One check out of many. */
export function all(checks: readonly Check[]): Check {
  const [only] = checks;
  if (checks.length === 1 && only !== undefined) return only;
  return (value, walk) => {
    for (const check of checks) check(value, walk);
  };
}
