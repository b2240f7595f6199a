import { parseQuantity } from "../../api/machinery/quantity.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { annotation } from "../../crds/labels.ts";
import type { CpuManagerPolicy } from "../../crds/types.gen.ts";
import { type Member, membersOf } from "../pods/containers.ts";
import { ConfigProblem } from "../pods/sources.ts";

const oneCpu = 1_000_000_000n;

/** Amount of a resource in billionths, when request and limit are the same; an absent request is. */
function settled({ spec }: Member, resource: "cpu" | "memory"): bigint | undefined {
  const limits = spec.resources?.limits ?? {};
  const requests = { ...limits, ...spec.resources?.requests };
  const [limit, request] = [limits, requests].map((list) => parseQuantity(list[resource] ?? "0"));
  const nanos = limit?.nanos ?? 0n;
  return nanos > 0n && request?.nanos === nanos ? nanos : undefined;
}

/** Kubernetes' QoS class Guaranteed: all of it is promised, so nothing of it is shared. */
function isGuaranteed({ spec }: Pod): boolean {
  return membersOf(spec)
    .filter(({ role }) => role !== "ephemeral")
    .every((member) => [settled(member, "cpu"), settled(member, "memory")].every(Boolean));
}

function notWhole({ name, spec }: Member): ConfigProblem {
  const { limits, requests } = spec.resources ?? {};
  const amounts = `request ${requests?.["cpu"] ?? "none"}, limit ${limits?.["cpu"] ?? "none"}`;
  return new ConfigProblem(
    `Cannot give container ${name} CPUs of its own: request and limit must be the same whole number of CPUs (${amounts})`,
  );
}

/**
 * How many CPUs a container shall have for itself; 0: it shares. As the kubelet's static policy has
 * it, whole CPUs of Guaranteed pods; the annotation asks for it of a single pod on any host.
 *
 * @throws ConfigProblem when the pod asks by its annotation, and for no whole number.
 */
export function exclusiveCpusOf(pod: Pod, member: Member, policy: CpuManagerPolicy): number {
  const asks = pod.metadata.annotations?.[annotation.exclusiveCpus] === "true";
  if (member.role === "ephemeral" || (!asks && (policy === "None" || !isGuaranteed(pod)))) return 0;
  const nanos = settled(member, "cpu");
  if (nanos !== undefined && nanos % oneCpu === 0n) return Number(nanos / oneCpu);
  if (!asks) return 0;
  throw notWhole(member);
}
