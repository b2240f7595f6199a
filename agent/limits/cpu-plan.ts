import type { CpuList } from "./cpu-list.ts";

/** One logical CPU and where it sits: two of one core are hyper-threads of each other. */
export type Cpu = {
  readonly id: number;
  /** Unique over all sockets, e.g. `0/3`. */
  readonly core: string;
  readonly socket: string;
};

/** Somebody who holds CPUs for himself. */
export type Holder = {
  /** Id of the container. */
  readonly id: string;
  readonly cpus: CpuList;
};

/** What there is to give, and who has what. */
export type CpuWorld = {
  readonly cpus: readonly Cpu[];
  readonly holders: readonly Holder[];
  /** How many stay with those who share. Integer, 1 or more. */
  readonly shared: number;
};

/** CPUs for one container, or the numbers that say why not. */
export type CpuGrant =
  | { readonly cpus: CpuList }
  | { readonly free: number; readonly total: number; readonly held: number };

const idsOf = (cpus: readonly Cpu[]): CpuList => cpus.map(({ id }) => id);

function groups(cpus: readonly Cpu[], key: "core" | "socket"): readonly (readonly Cpu[])[] {
  return [...Map.groupBy(cpus, (cpu) => cpu[key]).values()];
}

const top = (cpus: readonly Cpu[]): number => Math.max(...idsOf(cpus));

/**
 * Cores by usefulness: those that are wholly free, on the socket with the least room first so that a
 * whole socket stays whole, the highest first, because the lowest CPUs serve most interrupts.
 */
function wholeCores(free: readonly Cpu[], all: readonly Cpu[]): readonly (readonly Cpu[])[] {
  const threads = new Map(groups(all, "core").map((core) => [core[0]?.core, core.length]));
  const room = new Map(groups(free, "socket").map((one) => [one[0]?.socket, one.length]));
  return groups(free, "core")
    .filter((core) => core.length === threads.get(core[0]?.core))
    .toSorted(
      (a, b) => (room.get(a[0]?.socket) ?? 0) - (room.get(b[0]?.socket) ?? 0) || top(b) - top(a),
    );
}

/** Single threads: of cores that are broken into already before others. */
function singles(free: readonly Cpu[]): readonly Cpu[] {
  return groups(free, "core")
    .toSorted((a, b) => a.length - b.length || top(b) - top(a))
    .flatMap((core) => core.toSorted((a, b) => b.id - a.id));
}

function takeCores(free: readonly Cpu[], all: readonly Cpu[], count: number): readonly Cpu[] {
  const taken: Cpu[] = [];
  const sockets = groups(free, "socket").filter((socket) => {
    const size = all.filter((cpu) => cpu.socket === socket[0]?.socket).length;
    return socket.length === size && size <= count;
  });
  const pool = [...sockets.toSorted((a, b) => top(b) - top(a)), ...wholeCores(free, all)];
  for (const group of pool) {
    const fresh = group.filter((cpu) => !taken.includes(cpu));
    if (fresh.length === group.length && taken.length + group.length <= count) taken.push(...group);
  }
  return taken;
}

/** Those CPUs that nobody holds for himself: where everybody else runs. */
export function sharedCpus({ cpus, holders }: Pick<CpuWorld, "cpus" | "holders">): CpuList {
  const held = new Set(holders.flatMap((holder) => holder.cpus));
  return idsOf(cpus)
    .filter((id) => !held.has(id))
    .toSorted((a, b) => a - b);
}

/**
 * Chooses `count` CPUs for one container alone: whole sockets, then whole cores, then threads, so
 * that neighbours share a core only when nothing else is left. The same world gives the same answer.
 */
export function grantCpus(world: CpuWorld, count: number): CpuGrant {
  const open = new Set(sharedCpus(world));
  const free = world.cpus.filter(({ id }) => open.has(id));
  const spare = Math.max(0, free.length - world.shared);
  const total = world.cpus.length;
  if (count > spare) return { free: spare, total, held: total - free.length };
  const taken = takeCores(free, world.cpus, count);
  const rest = singles(free.filter((cpu) => !taken.includes(cpu)));
  const chosen = [...taken, ...rest.slice(0, count - taken.length)];
  return { cpus: idsOf(chosen).toSorted((a, b) => a - b) };
}

/** Processors of a machine of which only the number is known: each a core of its own. */
export function plainCpus(count: number): readonly Cpu[] {
  return Array.from({ length: count }, (_, id) => ({ id, core: `0/${id}`, socket: "0" }));
}
