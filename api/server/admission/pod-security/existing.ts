import type { Subject } from "../../../machinery/pod-security/check.ts";
import { violationsOf } from "../../../machinery/pod-security/evaluate.ts";
import { type LevelVersion, levelText } from "../../../machinery/pod-security/level.ts";
import type { Pod } from "../../../machinery/resources.ts";
import { collectionPrefix } from "../../../store/keys.ts";
import type { Storage } from "../../objects/storage.ts";
import type { PodSecuritySettings } from "./settings.ts";

/** How many Pods are looked at before a namespace is answered: it is only a warning. */
const maxPods = 3_000;

/** The namespace, what will be enforced in it, and the ports that it allows. */
export type Tightened = {
  readonly name: string;
  readonly level: LevelVersion;
  readonly allowsHostPort: Subject["allowsHostPort"];
};

function reasonsOf(pod: Pod, { level, allowsHostPort }: Tightened): string {
  const { annotations = {} } = pod.metadata;
  const violations = violationsOf({ annotations, spec: pod.spec, allowsHostPort }, level);
  return violations.map(({ reason }) => reason).join(", ");
}

/**
 * Warnings about Pods that run and would not be let in any more, in Kubernetes' words: one of each
 * kind is named.
 */
export function existingViolations(
  { cache }: Pick<Storage, "cache">,
  { exemptions }: PodSecuritySettings,
  at: Tightened,
): readonly string[] {
  const pods = cache.list(collectionPrefix({ group: "", plural: "pods" }, at.name));
  const seen = pods.slice(0, maxPods).map(({ object }) => object as unknown as Pod);
  const byReasons = new Map<string, string[]>();
  for (const pod of seen) {
    if (exemptions.runtimeClasses.includes(pod.spec.runtimeClassName ?? "")) continue;
    const reasons = reasonsOf(pod, at);
    if (reasons === "") continue;
    const names = byReasons.get(reasons) ?? [];
    byReasons.set(reasons, names);
    names.push(pod.metadata.name);
  }
  if (byReasons.size === 0) return [];
  const checked =
    pods.length > maxPods
      ? [
          `new PodSecurity enforce level only checked against the first ${maxPods} of ${pods.length} existing pods`,
        ]
      : [];
  const lines = [...byReasons].map(([reasons, names]) => {
    const others = names.length - 1;
    const more = others === 0 ? "" : ` (and ${others} other ${others === 1 ? "pod" : "pods"})`;
    return `${names[0] ?? ""}${more}: ${reasons}`;
  });
  const title = `existing pods in namespace "${at.name}" violate the new PodSecurity enforce level "${levelText(at.level)}"`;
  return [...checked, title, ...lines.sort()];
}
