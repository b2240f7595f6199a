import type { Pod, PodSpec } from "../resources.ts";
import { parseTime } from "../time.ts";
import { larger, one, plus, type RawUsage, readUsage, type Usage } from "./usage.ts";

type Container = PodSpec["containers"][number];
type List = "requests" | "limits";

const amountsOf = ({ resources }: Container, list: List): Usage => {
  const raw = (from: RawUsage | undefined): Usage => readUsage(from);
  // A limit without a request is a request.
  return list === "limits"
    ? raw(resources?.limits)
    : new Map([...raw(resources?.limits), ...raw(resources?.requests)]);
};

const none: Usage = new Map();

/**
 * What a pod needs at its hungriest: all containers together, or an init container with the sidecars
 * that were started before it.
 */
export function podAmounts(spec: PodSpec, list: List): Usage {
  const { containers, initContainers = [], overhead } = spec;
  let sidecars = none;
  let starting = none;
  for (const container of initContainers) {
    const amounts = amountsOf(container, list);
    const isSidecar = container.restartPolicy === "Always";
    if (isSidecar) sidecars = plus(sidecars, amounts);
    starting = larger(starting, isSidecar ? sidecars : plus(sidecars, amounts));
  }
  const running = containers.map((each) => amountsOf(each, list)).reduce(plus, sidecars);
  return plus(larger(running, starting), readUsage(overhead));
}

/** Resources that quotas also know without the prefix `requests.`. */
const plain: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);

/** What a pod takes of quotas while it counts, by all names that quotas have for it. */
export function podUsage({ spec }: Pick<Pod, "spec">): Usage {
  const usage = new Map([
    ["pods", one],
    ["count/pods", one],
  ]);
  for (const [name, amount] of podAmounts(spec, "requests")) {
    usage.set(`requests.${name}`, amount);
    if (plain.has(name)) usage.set(name, amount);
  }
  for (const [name, amount] of podAmounts(spec, "limits")) {
    if (plain.has(name)) usage.set(`limits.${name}`, amount);
  }
  return usage;
}

/** Whether a pod still takes anything: not once it ended, nor when its grace period is over. */
export function isCounted({ metadata, status }: Pod, nowMs: number): boolean {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return false;
  const { deletionTimestamp } = metadata;
  if (deletionTimestamp === undefined) return true;
  // The deadline of a deletion: what is not gone by then is lost with its Node.
  return (parseTime(deletionTimestamp) ?? nowMs) >= nowMs;
}

/** A resource of a pod as a quota names it: which list it stands in, and under which name. */
function constraintOf(name: string): readonly [List, string] | undefined {
  if (plain.has(name)) return ["requests", name];
  const match = /^(requests|limits)\.(cpu|memory|ephemeral-storage)$/.exec(name);
  return match === null ? undefined : [match[1] as List, match[2] ?? ""];
}

/**
 * What containers must say because a quota limits it and do not, e.g. `limits.cpu for: web,log`; empty
 * when nothing is missing.
 */
export function unspecified(
  { spec }: Pick<Pod, "spec">,
  hard: Iterable<string>,
): readonly string[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  return [...hard].sort().flatMap((name) => {
    const constraint = constraintOf(name);
    // Nobody asks for disk space by default: there a quota counts what was said.
    if (constraint === undefined || constraint[1] === "ephemeral-storage") return [];
    const [list, resource] = constraint;
    const silent = containers.filter((each) => !amountsOf(each, list).has(resource));
    const names = silent.map((each) => each.name).sort();
    return names.length === 0 ? [] : [`${name} for: ${names.join(",")}`];
  });
}
