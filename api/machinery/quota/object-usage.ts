import type { KubeObject } from "../object.ts";
import type { Pod } from "../resources.ts";
import { isCounted, podUsage } from "./pod-usage.ts";
import { isInScope, scopeTerms, type Scoped } from "./scopes.ts";
import { one, only, type Usage } from "./usage.ts";

/** What a quota says. */
export type QuotaSpec = Scoped & { readonly hard?: Readonly<Record<string, string>> };

/** A kind as quotas count it. */
export type CountedType = { readonly group: string; readonly plural: string };

/** Kinds that quotas knew before they could count any kind. */
const named: ReadonlySet<string> = new Set(["configmaps", "resourcequotas", "secrets", "services"]);

/** `count/secrets`, `count/applications.lighthouse.dev`. */
function countName({ group, plural }: CountedType): string {
  return `count/${plural}${group === "" ? "" : `.${group}`}`;
}

const isPods = ({ group, plural }: CountedType): boolean => group === "" && plural === "pods";

function plainUsage(type: CountedType): Usage {
  const usage = new Map([[countName(type), one]]);
  if (type.group === "" && named.has(type.plural)) usage.set(type.plural, one);
  return usage;
}

/** The kind that a name of a quota counts; `undefined` for amounts of resources. */
export function countedType(name: string): CountedType | undefined {
  if (named.has(name)) return { group: "", plural: name };
  if (!name.startsWith("count/")) return undefined;
  const [plural = "", ...group] = name.slice("count/".length).split(".");
  return { group: group.join("."), plural };
}

/**
 * What one object takes of a quota, by the names that the quota limits; empty when the quota is not about
 * it. `nowMs` decides whether a pod that is being deleted still counts.
 */
export function usageFor(
  quota: QuotaSpec,
  type: CountedType,
  object: KubeObject,
  nowMs: number,
): Usage {
  const limited = (name: string): boolean => Object.hasOwn(quota.hard ?? {}, name);
  if (!isPods(type)) {
    // Scopes are about pods: a quota that has some counts nothing else.
    return scopeTerms(quota).length > 0 ? new Map() : only(plainUsage(type), limited);
  }
  const pod = object as Pod;
  if (!isCounted(pod, nowMs) || !isInScope(quota, pod)) return new Map();
  return only(podUsage(pod), limited);
}
