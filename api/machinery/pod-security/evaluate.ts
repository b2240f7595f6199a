import { baselineChecks } from "./baseline.ts";
import type { Check, Subject, Violation } from "./check.ts";
import type { LevelVersion } from "./level.ts";
import { restrictedChecks } from "./restricted.ts";

function checksOf({ level, minor }: LevelVersion): readonly Check[] {
  if (level === "privileged") return [];
  const isThere = ({ since }: Check): boolean => since <= minor;
  const baseline = baselineChecks.filter(isThere);
  if (level === "baseline") return baseline;
  const restricted = restrictedChecks.filter(isThere);
  const ids = new Set(restricted.map(({ id }) => id));
  return [
    ...baseline.filter(({ replacedBy }) => replacedBy === undefined || !ids.has(replacedBy)),
    ...restricted,
  ];
}

/**
 * Every control of a level that a Pod does not meet.
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function violationsOf(subject: Subject, level: LevelVersion): readonly Violation[] {
  return checksOf(level).flatMap(({ find }) => find(subject, level.minor) ?? []);
}

/** As Kubernetes writes it: `privileged (container "web" must not set …), hostPort (…)`. */
export const violationText = (violations: readonly Violation[]): string =>
  violations.map(({ reason, detail }) => `${reason} (${detail})`).join(", ");
