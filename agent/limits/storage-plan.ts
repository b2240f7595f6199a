import {
  addQuantities,
  formatQuantity,
  parseQuantity,
  wholeUnits,
} from "../../api/machinery/quantity.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { membersOf } from "../pods/containers.ts";

/** What a pod holds of the disk now. Bytes; what nobody can measure is absent and counts nothing. */
export type PodUse = {
  /** By container: what it wrote, and its log. */
  readonly containers: ReadonlyMap<string, number>;
  /** By emptyDir volume, without those in memory. */
  readonly volumes: ReadonlyMap<string, number>;
};

/** What is to be done about the disk that a pod uses. */
export type StorageVerdict = {
  /** Why it has to go, in the kubelet's words; absent: it may stay. */
  readonly evict?: string;
  /** What is nearly used up, by what it is about: told once while it is so. */
  readonly warnings: ReadonlyMap<string, string>;
};

const warnPercent = 90;

function bytesOf(quantity: unknown): number | undefined {
  const parsed = typeof quantity === "string" ? parseQuantity(quantity) : undefined;
  return parsed === undefined ? undefined : Number(wholeUnits(parsed));
}

/** One limit, how much of it is used, and what to say of an excess. */
type Check = {
  /** e.g. `container app`. */
  readonly about: string;
  readonly used: number;
  readonly limit: number;
  readonly excess: string;
};

function containerChecks({ spec }: Pod, use: PodUse): readonly Check[] {
  return membersOf(spec).flatMap(({ name, spec: { resources } }) => {
    const text = resources?.limits?.["ephemeral-storage"];
    const limit = bytesOf(text);
    const used = use.containers.get(name);
    if (limit === undefined || used === undefined) return [];
    const excess = `Container ${name} exceeded its local ephemeral storage limit "${text}".`;
    return [{ about: `container ${name}`, used, limit, excess }];
  });
}

function volumeChecks({ spec }: Pod, use: PodUse): readonly Check[] {
  return (spec.volumes ?? []).flatMap(({ name, emptyDir }) => {
    const limit = bytesOf(emptyDir?.sizeLimit);
    const used = use.volumes.get(name);
    if (limit === undefined || limit === 0 || used === undefined) return [];
    const excess = `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir?.sizeLimit}".`;
    return [{ about: `volume ${name}`, used, limit, excess }];
  });
}

const sum = (amounts: Iterable<number>): number =>
  [...amounts].reduce((total, one) => total + one, 0);

/** The pod as a whole is limited once one container is: its volumes count against the sum. */
function podChecks({ spec }: Pod, use: PodUse): readonly Check[] {
  const limits = membersOf(spec)
    .filter(({ role }) => role === "main" || role === "sidecar")
    .flatMap(({ spec: { resources } }) => {
      return parseQuantity(resources?.limits?.["ephemeral-storage"] ?? "") ?? [];
    });
  const [first, ...rest] = limits;
  if (first === undefined) return [];
  const total = rest.reduce(addQuantities, first);
  const limit = Number(wholeUnits(total));
  const used = sum(use.containers.values()) + sum(use.volumes.values());
  const excess = `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(total)}.`;
  return [{ about: "pod", used, limit, excess }];
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

/** Whether anything of the pod's use of the disk is limited at all, so that it has to be measured. */
export function isStorageLimited({ spec }: Pod): boolean {
  const isLimited = membersOf(spec).some(
    (one) => one.spec.resources?.limits?.["ephemeral-storage"] !== undefined,
  );
  return (
    isLimited ||
    (spec.volumes ?? []).some(({ emptyDir }) => (bytesOf(emptyDir?.sizeLimit) ?? 0) > 0)
  );
}

/** Judges what a pod uses of the disk: the first excess ends it, nine tenths are told. */
export function judgeStorage(pod: Pod, use: PodUse): StorageVerdict {
  const checks = [...volumeChecks(pod, use), ...podChecks(pod, use), ...containerChecks(pod, use)];
  const excess = checks.find(({ used, limit }) => used > limit);
  const near = checks.filter(({ used, limit }) => used * 100 >= limit * warnPercent);
  const warnings = near.map(({ about, used, limit }) => {
    const percent = limit === 0 ? 100 : Math.floor((used * 100) / limit);
    const amounts = `${mebibytes(used)} of ${mebibytes(limit)}`;
    return [about, `The ${about} uses ${percent} % of its disk space: ${amounts}`] as const;
  });
  const told = { warnings: new Map(warnings) };
  return excess === undefined ? told : { ...told, evict: excess.excess };
}
