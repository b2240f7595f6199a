import { parseQuantity, wholeUnits } from "../../api/machinery/quantity.ts";
import type { HostConfigSpec } from "../engine/container-spec.ts";
import type { CreatePolicy } from "../limits/start-limits.ts";
import type { Member } from "./containers.ts";
import { present } from "./present.ts";
import { ConfigProblem } from "./sources.ts";

/** What runs nowhere in particular, such as a test, is held to. */
const anyHost: CreatePolicy = {
  cpus: Number.POSITIVE_INFINITY,
  cpuManagerPolicy: "None",
  hasDiskQuota: false,
};

/** Docker takes no less, as its runtime needs that much to start a process. */
const leastMemory = 6 * 1024 ** 2;
/** The least share of CPU time that the kernel can be told: 1 ms of each 100 ms. */
const leastCpuNanos = 10_000_000;
/** The kernel's bounds of a weight. */
const [leastShares, mostShares] = [2, 262_144];

function bytesOf(quantity: unknown): number | undefined {
  const parsed = parseQuantity((quantity ?? "") as string);
  return parsed === undefined ? undefined : Number(wholeUnits(parsed));
}

function nanosOf(quantity: unknown): number | undefined {
  const parsed = parseQuantity((quantity ?? "") as string);
  return parsed === undefined ? undefined : Number(parsed.nanos);
}

const clamp = (least: number, value: number, most: number): number =>
  Math.min(most, Math.max(least, value));

function memoryOf({ name, spec }: Member): Partial<HostConfigSpec> {
  const text = spec.resources?.limits?.["memory"];
  const limit = bytesOf(text);
  if (limit !== undefined && limit > 0 && limit < leastMemory)
    throw new ConfigProblem(
      `Cannot limit memory of container ${name} to ${text}: Docker takes 6Mi at least`,
    );
  const request = bytesOf(spec.resources?.requests?.["memory"]) ?? 0;
  return present<Partial<HostConfigSpec>>({
    Memory: limit,
    // The same limit with swap: without it Docker lets a container use as much swap again.
    MemorySwap: limit,
    // A smaller promise than Docker takes is kept with what it takes.
    MemoryReservation: request === 0 ? undefined : Math.max(leastMemory, request),
  });
}

function cpuOf({ spec }: Member, { cpus }: CreatePolicy): Partial<HostConfigSpec> {
  const { limits, requests } = spec.resources ?? {};
  const limit = nanosOf(limits?.["cpu"]) ?? 0;
  const request = nanosOf(requests?.["cpu"] ?? limits?.["cpu"]);
  const shares = request === undefined ? undefined : Math.floor((request * 1024) / 1e9);
  return present<Partial<HostConfigSpec>>({
    // Docker refuses more CPUs than there are, Kubernetes does not.
    NanoCpus: limit === 0 ? undefined : Math.min(Math.max(leastCpuNanos, limit), cpus * 1e9),
    CpuShares: shares === undefined ? undefined : clamp(leastShares, shares, mostShares),
  });
}

/**
 * Requests and limits of a container as Docker has them: memory as reservation and limit, CPU as
 * weight and quota, disk as a quota where the engine has one.
 *
 * @throws ConfigProblem for a limit that Docker does not take.
 */
export function resourcesOf(
  member: Member,
  policy: CreatePolicy = anyHost,
): Partial<HostConfigSpec> {
  const disk = bytesOf(member.spec.resources?.limits?.["ephemeral-storage"]) ?? 0;
  const quota = policy.hasDiskQuota && disk > 0 ? { StorageOpt: { size: String(disk) } } : {};
  return { ...memoryOf(member), ...cpuOf(member, policy), ...quota };
}
