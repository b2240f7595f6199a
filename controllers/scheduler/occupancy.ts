import type { Amounts, HostPort, NodeSeen, PodSeen } from "./seen.ts";

const noAmounts: Amounts = new Map();

/** What a group of pods needs of one Node: see {@link PodSeen.group}. */
function needOf(pods: readonly PodSeen[]): Amounts {
  const replaced = new Set(pods.flatMap(({ runs, replaces }) => (runs ? (replaces ?? []) : [])));
  const running = new Map<string, bigint>();
  const largest = new Map<string, bigint>();
  for (const { name: own, requests, runs } of pods) {
    for (const [name, amount] of requests) {
      if (runs && !replaced.has(own)) running.set(name, (running.get(name) ?? 0n) + amount);
      const before = largest.get(name) ?? 0n;
      largest.set(name, amount > before ? amount : before);
    }
  }
  return new Map(
    Array.from(largest, ([name, most]) => {
      const together = running.get(name) ?? 0n;
      return [name, together > most ? together : most];
    }),
  );
}

const isAnyIp = (ip: string): boolean => ip === "" || ip === "0.0.0.0" || ip === "::";

function clash(one: HostPort, other: HostPort): boolean {
  if (one.port !== other.port || one.protocol !== other.protocol) return false;
  return one.ip === other.ip || isAnyIp(one.ip) || isAnyIp(other.ip);
}

/** What one Node holds, bindings of this pass included. */
export class Occupancy {
  readonly node: NodeSeen;
  readonly #groups = new Map<string, readonly PodSeen[]>();
  readonly #used = new Map<string, bigint>();
  readonly #groupsOf = new Map<string, Set<string>>();
  #load: number | undefined;

  constructor(node: NodeSeen) {
    this.node = node;
  }

  /** Takes the pod in, whether it fits or not; whether it is the first of its group here. */
  add(pod: PodSeen): boolean {
    for (const [name, extra] of this.#growth(pod)) {
      this.#used.set(name, (this.#used.get(name) ?? 0n) + extra);
    }
    this.#load = undefined;
    const isFirst = !this.#groups.has(pod.group);
    this.#groups.set(pod.group, isFirst ? [pod] : [...this.#membersWith(pod), pod]);
    if (pod.application === undefined) return isFirst;
    const slots = this.#groupsOf.get(pod.application) ?? new Set<string>();
    this.#groupsOf.set(pod.application, slots.add(pod.group));
    return isFirst;
  }

  /** The Application of every slot that is here, as often as it has slots. */
  slots(): readonly string[] {
    return [...this.#groupsOf].flatMap(([application, groups]) =>
      Array.from(groups, () => application),
    );
  }

  /** Names of the resources of which too little is left for the pod. */
  shortages(pod: PodSeen): readonly string[] {
    const { allocatable } = this.node;
    const short: string[] = [];
    for (const [name, extra] of this.#growth(pod)) {
      const limit = allocatable.get(name) ?? (name === "pods" ? undefined : 0n);
      const isShort =
        extra > 0n && limit !== undefined && (this.#used.get(name) ?? 0n) + extra > limit;
      if (isShort) short.push(name);
    }
    return short;
  }

  /** Whether a pod of another group holds a host port that this one wants. */
  hasPortClash({ group, ports }: PodSeen): boolean {
    if (ports.length === 0) return false;
    const others = [...this.#groups].filter(([id]) => id !== group).flatMap(([, pods]) => pods);
    return others.some((other) =>
      other.ports.some((have) => ports.some((want) => clash(have, want))),
    );
  }

  /** How many slots of an Application it holds, that of `group` left out. */
  slotsOf(application: string, group: string): number {
    const slots = this.#groupsOf.get(application);
    return slots === undefined ? 0 : slots.size - (slots.has(group) ? 1 : 0);
  }

  /** Whether another pod of the group is here: a slot stays where it is, if there is room. */
  isHome(group: string): boolean {
    return this.#groups.has(group);
  }

  /** How much of the Node is asked for, 0 to 1 and beyond: the mean over cpu, memory and pods. */
  load(): number {
    this.#load ??= this.#shareOfAll();
    return this.#load;
  }

  #shareOfAll(): number {
    const shares = ["cpu", "memory", "pods"].map((name) => {
      const limit = Number(this.node.allocatable.get(name) ?? 0n);
      return limit === 0 ? 0 : Number(this.#used.get(name) ?? 0n) / limit;
    });
    return shares.reduce((sum, share) => sum + share, 0) / shares.length;
  }

  #membersWith(pod: PodSeen): readonly PodSeen[] {
    return (this.#groups.get(pod.group) ?? []).filter(({ uid }) => uid !== pod.uid);
  }

  #growth(pod: PodSeen): Amounts {
    const members = this.#groups.get(pod.group);
    if (members === undefined) return pod.requests; // as nearly always: it is alone
    const before = members.length === 0 ? noAmounts : needOf(members);
    const after = needOf([...this.#membersWith(pod), pod]);
    return new Map(Array.from(after, ([name, need]) => [name, need - (before.get(name) ?? 0n)]));
  }
}
