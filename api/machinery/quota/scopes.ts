import type { Pod } from "../resources.ts";
import { readUsage } from "./usage.ts";

/** A term of `spec.scopeSelector.matchExpressions`; a plain scope is the same with `Exists`. */
export type ScopeTerm = {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
};

/** The part of a quota that says which pods it is about. */
export type Scoped = {
  readonly scopes?: readonly string[];
  readonly scopeSelector?: { readonly matchExpressions?: readonly ScopeTerm[] };
};

/** All terms that must hold. Empty: the quota is about every object. */
export function scopeTerms({ scopes = [], scopeSelector }: Scoped): readonly ScopeTerm[] {
  return [
    ...scopes.map((scopeName): ScopeTerm => ({ scopeName, operator: "Exists" })),
    ...(scopeSelector?.matchExpressions ?? []),
  ];
}

/** Whether no container asks for or limits CPU or memory. */
function isBestEffort({ spec }: Pod): boolean {
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  return !all.some(({ resources }) =>
    [readUsage(resources?.requests), readUsage(resources?.limits)].some((amounts) =>
      ["cpu", "memory"].some((name) => (amounts.get(name)?.nanos ?? 0n) > 0n),
    ),
  );
}

function holdsForClass({ operator, values = [] }: ScopeTerm, name: string | undefined): boolean {
  switch (operator) {
    case "Exists":
      return name !== undefined && name !== "";
    case "DoesNotExist":
      return name === undefined || name === "";
    case "In":
      return name !== undefined && values.includes(name);
    default:
      return name === undefined || !values.includes(name);
  }
}

function crossesNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const terms = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ podAffinityTerm }) => podAffinityTerm,
    ),
  ]);
  return terms.some(
    ({ namespaces = [], namespaceSelector }) =>
      namespaces.length > 0 || namespaceSelector !== undefined,
  );
}

const tests: Readonly<Record<string, (pod: Pod, term: ScopeTerm) => boolean>> = {
  Terminating: ({ spec }) => spec.activeDeadlineSeconds !== undefined,
  NotTerminating: ({ spec }) => spec.activeDeadlineSeconds === undefined,
  BestEffort: isBestEffort,
  NotBestEffort: (pod) => !isBestEffort(pod),
  PriorityClass: ({ spec }, term) => holdsForClass(term, spec.priorityClassName),
  CrossNamespacePodAffinity: crossesNamespaces,
};

/** The scopes that there are. */
export const scopeNames: readonly string[] = Object.keys(tests);

/** Whether a quota is about a pod. */
export function isInScope(quota: Scoped, pod: Pod): boolean {
  return scopeTerms(quota).every((term) => tests[term.scopeName]?.(pod, term) === true);
}
