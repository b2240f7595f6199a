import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Happening,
  migration,
  names,
  number,
  of,
  setting,
  startWorld,
  unrest,
  work,
} from "../../../test/kit/group-story.ts";
import type { GroupPass, GroupWorld } from "../../../test/kit/group-world.ts";
import { planApplication } from "../plan.ts";

const runs = Number(process.env["PLAN_RUNS"] ?? 30);
/** Rounds that became final for somebody, and those that failed for somebody. */
type Rounds = { readonly done: Set<number>; readonly failed: Set<number> };

/** A round is final for all who took part, or for none. */
function checkRounds(world: GroupWorld, { done, failed }: Rounds): void {
  for (const name of world.members.keys()) {
    const { group } = world.memory(name).rollout ?? {};
    if (group?.done) done.add(group.done);
    if (group?.failed) failed.add(group.failed);
  }
  expect(
    [...done].filter((round) => failed.has(round)),
    world.text(),
  ).toEqual([]);
}

/** The other members that take part in the round. */
function peersIn(world: GroupWorld, round: number, self: string) {
  return [...world.members].flatMap(([name, { order, world: own }]) => {
    const { group, phase } = own.memory.rollout ?? {};
    const isPeer = name !== self && group?.round === round && phase !== "RolledBack";
    return isPeer ? [{ order, group }] : [];
  });
}

/** Nobody switches before all who changed are prepared, and before those with a lower order are through. */
function checkSwitch(world: GroupWorld, { name, plan, seen }: GroupPass): void {
  const after = plan.memory.rollout;
  const isStart = ["Canary", "Rolling"].includes(after?.phase ?? "");
  if (seen.memory.rollout?.phase !== "Preparing" || !isStart || after?.group === undefined) return;
  const peers = peersIn(world, after.group.round, name);
  const own = world.member(name).order;
  const late = peers.filter(({ group }) => group.stage === "Preparing");
  const deaf = peers.filter(({ group }) => !group.members.includes(name));
  const first = peers.filter(
    ({ order, group }) => order < own && ["Prepared", "Switching"].includes(group.stage),
  );
  expect([...late, ...deaf, ...first], world.text()).toEqual([]);
}

function checkPass({ seen, plan }: GroupPass, nowMs: number): void {
  expect(planApplication(seen, nowMs), "deterministic").toEqual(plan);
}

/** Plays happenings; reads and writes of passes are apart, so that others come in between. */
class Stage {
  readonly world: GroupWorld;
  readonly rounds: Rounds = { done: new Set(), failed: new Set() };
  readonly #open = new Map<string, GroupPass>();
  readonly #maxLag: number;

  readonly #isStrict: boolean;

  /** Strict: no round ever ends both ways; that is not promised to those who leave one. */
  constructor(world: GroupWorld, maxLag: number, { isStrict = true } = {}) {
    this.world = world;
    this.#maxLag = maxLag;
    this.#isStrict = isStrict;
  }

  #check(): void {
    if (this.#isStrict) checkRounds(this.world, this.rounds);
  }

  play(event: Happening): void {
    if (event.kind === "time") return this.world.advance(event.ms);
    const name = names[event.of % this.world.members.size] ?? "";
    switch (event.kind) {
      case "read": {
        // One pass of an Application at a time.
        if (this.#open.has(name)) return;
        const pass = this.world.read(name, event.number % (this.#maxLag + 1));
        checkPass(pass, this.world.nowMs);
        this.#open.set(name, pass);
        return;
      }
      case "write":
        return this.#write(name, event.number);
      case "run":
        return this.#run(name, event.number % 12);
      default:
        return this.#disturb(name, event);
    }
  }

  /** One member goes ahead while the passes of the others stall. */
  #run(name: string, passes: number): void {
    this.#write(name, 1);
    for (let pass = 0; pass < passes; pass += 1) {
      this.world.member(name).world.settleAgents();
      this.world.pass(name);
      this.world.advance(3_000);
    }
    this.#check();
  }

  #write(name: string, number: number): void {
    const pass = this.#open.get(name);
    if (pass === undefined) return;
    this.#open.delete(name);
    // Every tenth process dies on its way.
    this.world.write(pass, number % 10 === 0 ? number % 7 : Infinity);
    this.#check();
  }

  #disturb(
    name: string,
    event: Exclude<Happening, { kind: "read" | "write" | "run" | "time" }>,
  ): void {
    const { world } = this.world.member(name);
    const pods = [...world.pods.keys()];
    switch (event.kind) {
      case "agent":
        return void world.act(pods[event.number % Math.max(1, pods.length)] ?? "");
      case "trip":
        return world.trip(pods[event.number % Math.max(1, pods.length)] ?? "");
      case "offline":
        if (event.on) world.offline.add("node-0");
        else world.offline.delete("node-0");
        return;
      case "template":
        return this.#wish(name, () => void (world.wish.hash = event.hash));
      case "alone":
        return this.world.wish(name, (member) => void (member.isAlone = event.on));
      case "pause":
        return this.#wish(name, () => void (world.wish.paused = event.on));
      case "retry":
        this.world.advance(1_000);
        return this.#wish(
          name,
          () => void (world.wish.retryMs = world.memory.failed?.failedAtMs ?? 0),
        );
      case "approve":
        return this.#wish(
          name,
          () => void (world.wish.approved = world.memory.rollout?.revision ?? ""),
        );
    }
  }

  #wish(name: string, change: () => void): void {
    this.world.wish(name, change);
  }

  /** Everything comes back, everybody approves, and the group comes to rest. */
  settle(): void {
    this.#open.clear();
    for (const [name, { world: own }] of this.world.members) {
      own.offline.clear();
      this.world.wish(name, () => void (own.wish.paused = false));
    }
    this.world.settle(() => {
      this.#check();
    });
    this.#check();
  }
}

const isAtRest = (phase: string | undefined): boolean =>
  phase === "Completed" || phase === "RolledBack";

/** All have come to an end, unless one is held for a person. */
function checkRest(world: GroupWorld): void {
  const phases = [...world.members.keys()].map((name) => world.memory(name).rollout?.phase);
  const isHeld = phases.some((phase) => phase === "Paused" || phase === "RollbackPaused");
  expect(isHeld || phases.every(isAtRest), world.text()).toBe(true);
}

test("a round is final for all or for none, whoever looks when and whoever dies when", () => {
  const happenings = fc.array(fc.oneof({ weight: 12, arbitrary: work }, unrest), {
    maxLength: 250,
    size: "max",
  });
  const holds = fc.property(setting, happenings, fc.nat({ max: 12 }), (start, events, lag) => {
    const stage = new Stage(startWorld(start), lag);
    for (const event of events) stage.play(event);
    stage.settle();
    checkRest(stage.world);
  });
  fc.assert(holds, { numRuns: runs });
}, 240_000);

test("one release: all who changed run the new Revision, or all run the last good one; in order", () => {
  const changes = fc.uniqueArray(of, { minLength: 1, maxLength: 3 });
  const happenings = fc.array(work, { maxLength: 300, size: "max" });
  const trips = fc.array(fc.record({ at: fc.nat({ max: 300 }), of, number }), { maxLength: 5 });
  const holds = fc.property(
    setting,
    changes,
    happenings,
    trips,
    (start, changed, events, trips) => {
      const rollback = start.members.map((member) => ({
        ...member,
        strategy: { ...member.strategy, onFailure: "Rollback" as const },
      }));
      const stage = new Stage(startWorld({ ...start, members: rollback }), 6);
      const { world } = stage;
      const first = new Map(
        [...world.members.keys()].map((name) => [name, world.memory(name).current]),
      );
      const who = [...new Set(changed.map((index) => names[index % world.members.size] ?? ""))];
      for (const name of who) world.wish(name, ({ world: own }) => void (own.wish.hash = "v2"));
      events.forEach((event, index) => {
        stage.play(event);
        for (const { at, ...trip } of trips)
          if (at === index) stage.play({ kind: "trip", ...trip });
      });
      stage.settle();
      const isNew = who.map((name) => world.memory(name).current !== first.get(name));
      expect(new Set(isNew).size, world.text()).toBe(1);
      for (const [name, { world: own }] of world.members) {
        const { rollout, current } = world.memory(name);
        expect(isAtRest(rollout?.phase), world.text()).toBe(true);
        expect(new Set([...own.pods.values()].map(({ revision }) => revision)).size).toBeLessThan(
          2,
        );
        for (const { revision } of own.pods.values()) expect(revision).toBe(current);
      }
    },
  );
  fc.assert(holds, { numRuns: runs });
}, 240_000);

test("nobody switches before the others are prepared, and those of a lower order are through", () => {
  const changes = fc.uniqueArray(of, { minLength: 2, maxLength: 3 });
  const holds = fc.property(setting, changes, (start, changed) => {
    const world = startWorld(start);
    const who = [...new Set(changed.map((index) => names[index % world.members.size] ?? ""))];
    for (const name of who) world.wish(name, ({ world: own }) => void (own.wish.hash = "v2"));
    world.settle((pass) => {
      checkSwitch(world, pass);
    });
  });
  fc.assert(holds, { numRuns: runs });
}, 240_000);

test("good templates go through from any state", () => {
  const happenings = fc.array(fc.oneof({ weight: 12, arbitrary: work }, unrest), {
    maxLength: 150,
    size: "max",
  });
  const holds = fc.property(setting, happenings, (start, events) => {
    const stage = new Stage(startWorld(start), 6);
    for (const event of events) stage.play(event);
    for (const name of stage.world.members.keys()) {
      stage.world.member(name).world.behaviours.set("v9", "good");
      stage.world.wish(name, ({ world: own }) => void (own.wish.hash = "v9"));
    }
    stage.settle();
    for (const name of stage.world.members.keys()) {
      expect(stage.world.memory(name).rollout, stage.world.text()).toMatchObject({
        phase: "Completed",
        hash: "v9",
      });
    }
  });
  fc.assert(holds, { numRuns: runs });
}, 240_000);

test("a group comes to rest also when members leave and come back in the middle", () => {
  const events = fc.oneof(
    { weight: 20, arbitrary: work },
    { weight: 2, arbitrary: unrest },
    { weight: 1, arbitrary: migration },
  );
  const happenings = fc.array(events, { maxLength: 200, size: "max" });
  const holds = fc.property(setting, happenings, (start, happenings) => {
    const stage = new Stage(startWorld(start), 6, { isStrict: false });
    for (const event of happenings) stage.play(event);
    stage.settle();
    checkRest(stage.world);
  });
  fc.assert(holds, { numRuns: runs });
}, 240_000);
