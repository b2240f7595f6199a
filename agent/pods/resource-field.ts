import { parseQuantity } from "../../api/machinery/quantity.ts";
import type { PodSpec } from "../../api/machinery/resources.ts";
import { type ContainerOf, membersOf } from "./containers.ts";
import { ConfigProblem } from "./sources.ts";

type EnvSource = NonNullable<NonNullable<ContainerOf["env"]>[number]["valueFrom"]>;

/** A reference to what a container is promised or may use. */
export type ResourceReference = NonNullable<EnvSource["resourceFieldRef"]>;

const nanosOf = (quantity: unknown): bigint =>
  parseQuantity(quantity as string | number)?.nanos ?? 0n;

function amountOf({ name, resources }: ContainerOf, field: string): bigint {
  const { limits, requests } = resources ?? {};
  const [kind, resource = ""] = field.split(/\.(.*)/);
  if (kind === "requests") return nanosOf(requests?.[resource] ?? limits?.[resource] ?? 0);
  const limit = kind === "limits" ? limits?.[resource] : undefined;
  if (limit !== undefined) return nanosOf(limit);
  // Kubernetes gives what the Node has. A program that sizes itself by that takes the whole host.
  throw new ConfigProblem(`Cannot resolve ${field} of container ${name}: it is not set`);
}

/**
 * The value of a resource of a container in units of the divisor, rounded up, as Kubernetes gives it:
 * `limits.cpu` of 500m is 1, and 500 with the divisor 1m. `own` is meant when no container is named.
 *
 * @throws ConfigProblem when there is no such container or limit.
 */
export function resourceValue(
  spec: PodSpec,
  { containerName, resource, divisor = "1" }: ResourceReference,
  own?: string,
): string {
  const wanted = containerName || own;
  const container = membersOf(spec).find(({ name }) => name === wanted)?.spec;
  if (container === undefined)
    throw new ConfigProblem(`Cannot resolve ${resource}: no container is named "${wanted ?? ""}"`);
  const unit = nanosOf(divisor) || 1_000_000_000n; // 0 stands for 1
  return String((amountOf(container, resource) + unit - 1n) / unit);
}
