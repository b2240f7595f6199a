import type { GroupSeen } from "../../controllers/application/group/group-seen.ts";
import { memberSeen } from "../../controllers/application/group/membership.ts";
import { planApplication } from "../../controllers/application/plan.ts";
import type { Memory, Seen, Strategy } from "../../controllers/application/seen.ts";
import type { Order, Plan, Step } from "../../controllers/application/step.ts";
import { RolloutWorld } from "./rollout-world.ts";

/** What the others can read of a member: its object as the API server has it. */
type Published = {
  readonly hash: string;
  readonly order: number;
  readonly version?: string;
  readonly memory: Memory;
};

/** One Application of the group, with its own hosts. */
export type GroupMember = {
  readonly world: RolloutWorld;
  order: number;
  version?: string;
  /** Its annotation was taken away. */
  isAlone: boolean;
  /** Counts the writes of its object, by users and by its own passes. */
  writes: number;
  /** Position in the history of its last write. */
  writtenAt: number;
};

/** A pass that has read, and not yet written. */
export type GroupPass = {
  readonly name: string;
  readonly seen: Seen;
  readonly plan: Plan;
  readonly writes: number;
};

const groupName = "shop";

/** A Revision whose name another template has taken is a conflict, with which a pass ends. */
function isRefused(act: Step | Order, { revisions }: RolloutWorld): boolean {
  if (!("kind" in act) || act.kind !== "createRevision") return false;
  return revisions.some(({ name, hash }) => name === act.name && hash !== act.hash);
}

/**
 * Several simulated Applications that share one verdict. Each pass reads one moment of the history
 * of all objects, not before its own last write, and writes its own status over the version it has
 * read or not at all: what a shared informer and `resourceVersion` promise, and no more.
 */
export class GroupWorld {
  nowMs = 1_700_000_000_000;
  readonly members = new Map<string, GroupMember>();
  readonly #history: ReadonlyMap<string, Published>[] = [];

  add(
    name: string,
    member: { readonly order?: number; readonly replicas?: number } = {},
    strategy: Partial<Strategy> = {},
  ): RolloutWorld {
    const world = new RolloutWorld({ replicas: member.replicas ?? 2 }, strategy);
    world.nowMs = this.nowMs;
    this.members.set(name, {
      world,
      order: member.order ?? 0,
      isAlone: false,
      writes: 0,
      writtenAt: 0,
    });
    this.wrote(name);
    return world;
  }

  member(name: string): GroupMember {
    const found = this.members.get(name);
    if (found === undefined) throw new Error(`Cannot find member "${name}" of the world`);
    return found;
  }

  memory(name: string): Memory {
    return this.member(name).world.memory;
  }

  /** Changes what a user wants of a member. */
  wish(name: string, change: (member: GroupMember) => void): void {
    change(this.member(name));
    this.wrote(name);
  }

  remove(name: string): void {
    this.members.delete(name);
    this.#record();
  }

  leave(name: string): void {
    this.wish(name, (member) => void (member.isAlone = true));
  }

  wrote(name: string): void {
    const member = this.member(name);
    member.writes += 1;
    member.writtenAt = this.#history.length;
    this.#record();
  }

  #record(): void {
    const members = [...this.members].filter(([, { isAlone }]) => !isAlone);
    const now = members.map(([name, { world, order, version }]) => {
      const { wish, memory } = world;
      const published = { hash: wish.hash, order, memory };
      return [name, version === undefined ? published : { ...published, version }] as const;
    });
    this.#history.push(new Map(now));
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const { world } of this.members.values()) world.nowMs = this.nowMs;
  }

  /** What the controller sees of a member, with the others as they were `lag` writes ago. */
  seen(name: string, lag = 0): Seen {
    const { world, order, version, writtenAt, isAlone } = this.member(name);
    if (isAlone) return { ...world.seen(), name };
    const moment = Math.max(writtenAt, this.#history.length - 1 - lag);
    const published = [...(this.#history[moment] ?? [])].filter(([other]) => other !== name);
    const others = published
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([other, { memory, ...about }]) =>
        memberSeen({ name: other, ...about }, memory, groupName),
      );
    const group: GroupSeen = {
      name: groupName,
      order,
      ...(version === undefined ? {} : { version }),
      others,
    };
    return { ...world.seen(), name, group };
  }

  read(name: string, lag = 0): GroupPass {
    const seen = this.seen(name, lag);
    return {
      name,
      seen,
      plan: planApplication(seen, this.nowMs),
      writes: this.member(name).writes,
    };
  }

  /** The acts of a pass, and then its status if nobody wrote the object since. */
  write({ name, plan, writes }: GroupPass, crashAfter = Infinity): readonly (Step | Order)[] {
    const member = this.members.get(name);
    if (member === undefined) return [];
    const acts = member.world.actsOf(plan);
    const refused = acts.findIndex((act) => isRefused(act, member.world));
    const done = Math.min(crashAfter, refused < 0 ? Infinity : refused);
    for (const act of acts.slice(0, done)) member.world.apply(act);
    if (done < acts.length || writes !== member.writes) return acts;
    if (JSON.stringify(member.world.memory) === JSON.stringify(plan.memory)) return acts;
    member.world.memory = plan.memory;
    this.wrote(name);
    return acts;
  }

  pass(name: string): Plan {
    const pass = this.read(name);
    this.write(pass);
    return pass.plan;
  }

  /** Every canary is approved. */
  #approve(): void {
    for (const { world } of this.members.values()) {
      world.wish.approved = world.memory.rollout?.revision ?? "";
    }
  }

  /** Agents, passes, approvals and time go on until nothing is left to do. @throws Error when that never is. */
  settle(check: (pass: GroupPass) => void = () => undefined): void {
    for (let round = 0; round < 2_000; round += 1) {
      this.#approve();
      let isQuiet = true;
      let wakeMs = Infinity;
      for (const [name, member] of this.members) {
        member.world.settleAgents();
        const pass = this.read(name);
        check(pass);
        const before = member.writes;
        const acts = this.write(pass);
        isQuiet &&= acts.length === 0 && before === member.writes;
        wakeMs = Math.min(wakeMs, pass.plan.requeueAfterMs ?? Infinity);
      }
      if (isQuiet && wakeMs === Infinity) return;
      if (isQuiet) this.advance(wakeMs);
    }
    throw new Error(`Cannot settle: ${this.text()}`);
  }

  /** Phases, parts and words of all members. */
  text(): string {
    return [...this.members.keys()]
      .map((name) => {
        const { phase, message, group } = this.memory(name).rollout ?? {};
        return `${name} ${phase ?? "none"} ${JSON.stringify(group)} ${message ?? ""}`;
      })
      .join("\n");
  }
}
