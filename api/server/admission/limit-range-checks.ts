import { formatQuantity, type Quantity } from "../../machinery/quantity.ts";
import { podAmounts } from "../../machinery/quota/pod-usage.ts";
import { type RawUsage, readUsage, type Usage } from "../../machinery/quota/usage.ts";
import type { PodSpec } from "../../machinery/resources.ts";
import { childOf, objectIn, objectsIn, textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";

/** What something asks for, and what it is held to. */
type Amounts = { readonly requests: Usage; readonly limits: Usage };

/** One bound on one resource. */
type Bound = {
  readonly type: string;
  readonly resource: string;
  readonly enforced: Quantity;
};

const usageIn = (holder: JsonObject | undefined, field: string): Usage =>
  readUsage(objectIn(holder ?? {}, field) as RawUsage | undefined);

const resourcesOf = (container: JsonObject): Amounts => {
  const resources = objectIn(container, "resources");
  return { requests: usageIn(resources, "requests"), limits: usageIn(resources, "limits") };
};

const belowMin = ({ type, resource, enforced }: Bound, { requests, limits }: Amounts) => {
  const [request, limit] = [requests.get(resource), limits.get(resource)];
  const start = `minimum ${resource} usage per ${type} is ${formatQuantity(enforced)}`;
  if (request === undefined) return `${start}.  No request is specified`;
  if (request.nanos < enforced.nanos) return `${start}, but request is ${formatQuantity(request)}`;
  if (limit === undefined || limit.nanos >= enforced.nanos) return undefined;
  return `${start}, but limit is ${formatQuantity(limit)}`;
};

const aboveMax = ({ type, resource, enforced }: Bound, { requests, limits }: Amounts) => {
  const [request, limit] = [requests.get(resource), limits.get(resource)];
  const start = `maximum ${resource} usage per ${type} is ${formatQuantity(enforced)}`;
  if (limit === undefined) return `${start}.  No limit is specified`;
  if (limit.nanos > enforced.nanos) return `${start}, but limit is ${formatQuantity(limit)}`;
  if (request === undefined || request.nanos <= enforced.nanos) return undefined;
  return `${start}, but request is ${formatQuantity(request)}`;
};

const aboveRatio = ({ type, resource, enforced }: Bound, { requests, limits }: Amounts) => {
  const [request, limit] = [requests.get(resource)?.nanos ?? 0n, limits.get(resource)?.nanos ?? 0n];
  const start = `${resource} max limit to request ratio per ${type} is ${formatQuantity(enforced)}`;
  if (request === 0n) return `${start}, but no request is specified or request is 0`;
  if (limit === 0n) return `${start}, but no limit is specified or limit is 0`;
  if (limit * 1_000_000_000n <= enforced.nanos * request) return undefined;
  return `${start}, but provided ratio is ${(Number(limit) / Number(request)).toFixed(6)}`;
};

const checks = { min: belowMin, max: aboveMax, maxLimitRequestRatio: aboveRatio } as const;

/** What of an item of a LimitRange amounts break, in Kubernetes' words. */
function broken(item: JsonObject, amounts: Amounts): readonly string[] {
  const type = textIn(item, "type");
  return Object.entries(checks).flatMap(([field, check]) =>
    [...usageIn(item, field)].flatMap(([resource, enforced]) => {
      const problem = check({ type, resource, enforced }, amounts);
      return problem === undefined ? [] : [problem];
    }),
  );
}

const containersOf = (spec: JsonObject): readonly JsonObject[] => [
  ...objectsIn(spec, "containers"),
  ...objectsIn(spec, "initContainers"),
];

/** Every bound of `limits`, the items of LimitRanges, that a pod's spec breaks. */
export function limitProblems(spec: JsonObject, limits: readonly JsonObject[]): readonly string[] {
  const pod = spec as unknown as PodSpec;
  return limits.flatMap((item) => {
    const type = textIn(item, "type");
    if (type === "Container")
      return containersOf(spec).flatMap((one) => broken(item, resourcesOf(one)));
    if (type !== "Pod") return [];
    return broken(item, {
      requests: podAmounts(pod, "requests"),
      limits: podAmounts(pod, "limits"),
    });
  });
}

/** Fills what is missing, and returns the names of the resources that were. */
function fillMissing(target: JsonObject, defaults: JsonObject): readonly string[] {
  const missing = Object.keys(defaults).filter((name) => target[name] === undefined);
  for (const name of missing) target[name] = defaults[name];
  return missing.sort();
}

function fillContainer(container: JsonObject, item: JsonObject): readonly string[] {
  const resources = objectIn(container, "resources") ?? {};
  const name = textIn(container, "name");
  const filled = (
    [
      ["request", "requests", "defaultRequest"],
      ["limit", "limits", "default"],
    ] as const
  ).flatMap(([word, field, from]) => {
    const target = objectIn(resources, field) ?? {};
    const set = fillMissing(target, objectIn(item, from) ?? {});
    if (set.length === 0) return [];
    childOf(container, "resources")[field] = target;
    return [`${set.join(", ")} ${word} for container ${name}`];
  });
  return filled;
}

/** Gives containers what the items of LimitRanges say by default; tells what it gave, in Kubernetes' words. */
export function fillLimits(spec: JsonObject, limits: readonly JsonObject[]): readonly string[] {
  const items = limits.filter((item) => textIn(item, "type") === "Container");
  return items.flatMap((item) => containersOf(spec).flatMap((one) => fillContainer(one, item)));
}
