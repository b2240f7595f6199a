import { assert, array, boolean, constantFrom, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import { buildPod, buildSeen, noonMs } from "../../test/kit/pod-world.ts";
import { joinsRoot, membersOf, networkRoot } from "./containers.ts";
import { type ContainerFact, isUp } from "./facts.ts";
import type { History } from "./history.ts";
import { advanceAll, memoryOf } from "./pod-memory.ts";
import { planPod, type Seen, type Step } from "./plan.ts";
import { specHash } from "./spec-hash.ts";

const names = ["one", "app", "side"] as const;
const pod = buildPod({
  spec: {
    initContainers: [{ name: "one", image: "web:1" }],
    containers: [
      { name: "app", image: "web:1" },
      { name: "side", image: "web:1" },
    ],
  },
});

/** What no step may do. */
function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

const isRunning = ({ state }: ContainerFact): boolean => state === "running";

/** A host on which every step works, and init containers end well. */
class World {
  facts: readonly ContainerFact[];
  histories: ReadonlyMap<string, History> = new Map();
  nowMs = noonMs;
  #made = 0;

  constructor(facts: readonly ContainerFact[]) {
    this.facts = facts;
  }

  seen(desired: Seen["desired"], over: Partial<Seen> = {}): Seen {
    const memory = { ...memoryOf(pod), histories: this.histories };
    const look = {
      desired,
      nowMs: this.nowMs,
      liveSinceMs: 0,
      exitCode: () => undefined,
      fell: () => false,
    };
    this.histories = advanceAll(memory, pod, this.facts, look);
    return buildSeen({
      pod,
      desired,
      containers: this.facts,
      histories: this.histories,
      ...over,
    });
  }

  #change(id: string, change: Partial<ContainerFact>): void {
    this.facts = this.facts.map((fact) => (fact.id === id ? { ...fact, ...change } : fact));
  }

  perform(step: Step): void {
    this.nowMs += 10;
    if (step.kind === "create") this.#create(step.container);
    if (step.kind === "remove") this.facts = this.facts.filter(({ id }) => !step.ids.includes(id));
    if (step.kind === "stop")
      for (const { id } of step.targets)
        this.#change(id, { state: "exited", exitCode: 143, finishedAtMs: this.nowMs });
    if (step.kind === "start") this.#start(step.container);
  }

  /** Init containers that were found running come to their end. */
  endInits(): void {
    for (const { id } of this.facts.filter((fact) => fact.name === "one" && isRunning(fact)))
      this.#change(id, { state: "exited", exitCode: 0, finishedAtMs: this.nowMs });
  }

  #create(name: string): void {
    const root = this.facts.find((fact) => fact.name === networkRoot(pod.spec));
    must(!this.facts.some((fact) => fact.name === name), `twin of ${name} created`);
    const joined = joinsRoot(pod.spec, name);
    must(!joined || root !== undefined, `${name} created before its network`);
    this.#made += 1;
    this.facts = [
      ...this.facts,
      {
        id: `made-${this.#made}`,
        dockerName: name,
        name,
        specHash: specHash({ name, image: "web:1" }),
        state: "created",
        exitCode: 0,
        oomKilled: false,
        error: "",
        imageId: "sha256:feed",
        ip: "",
        ...(joined && root !== undefined ? { networkOf: root.id } : {}),
      },
    ];
  }

  #start(name: string): void {
    const fact = this.facts.find((one) => one.name === name);
    must(fact !== undefined, `${name} started before it was created`);
    const startedAtMs = this.nowMs;
    if (name === "one")
      this.#change(fact?.id ?? "", {
        state: "exited",
        exitCode: 0,
        startedAtMs,
        finishedAtMs: startedAtMs + 1,
      });
    else this.#change(fact?.id ?? "", { state: "running", exitCode: 0, startedAtMs });
  }
}

const anyFact = record({
  name: constantFrom(...names, "stranger"),
  state: constantFrom("created", "running", "exited", "dead", "paused"),
  exitCode: constantFrom(0, 1),
  fits: boolean(),
  age: integer({ min: 1, max: 1_000_000 }),
});

const anyWorld = array(anyFact, { maxLength: 6 }).map((rows) =>
  rows.map(({ name, state, exitCode, fits, age }, index): ContainerFact => {
    const ran = state === "created" ? {} : { startedAtMs: noonMs - age - 1_000 };
    return {
      id: `found-${index}`,
      dockerName: `${name}-${index}`,
      name,
      specHash: fits ? specHash({ name, image: "web:1" }) : "other",
      state,
      ...ran,
      ...(state === "exited" || state === "dead" ? { finishedAtMs: noonMs - 900 } : {}),
      exitCode: state === "exited" ? exitCode : 0,
      oomKilled: false,
      error: "",
      imageId: "sha256:feed",
      ip: "",
    };
  }),
);

function settle(world: World, desired: Seen["desired"]): void {
  for (let turn = 0; turn < 12; turn += 1) {
    world.endInits();
    const { steps, requeueAfterMs } = planPod(world.seen(desired), world.nowMs);
    if (steps.length === 0 && requeueAfterMs === undefined) return;
    for (const step of steps) world.perform(step);
    world.nowMs += requeueAfterMs ?? 0;
  }
  throw new Error("the plan does not settle");
}

const members = membersOf(pod.spec).map(({ name }) => name);
const mains = ["app", "side"];
const up = (world: World): string[] =>
  world.facts
    .filter(isUp)
    .map(({ name }) => name)
    .toSorted();

test("planPod() settles from any world in what is asked for, without twins or strangers", () => {
  const settles = property(
    anyWorld,
    constantFrom<Seen["desired"][]>("Running", "Prepared", "Stopped"),
    (facts, desired) => {
      const world = new World(facts);
      settle(world, desired);
      const left = world.facts.map(({ name }) => name);
      expect(new Set(left).size).toBe(left.length);
      expect(left.every((name) => members.includes(name))).toBe(true);
      expect(mains.every((name) => left.includes(name))).toBe(true);
      const paused = world.facts.some(({ state }) => state === "paused");
      const running = up(world).filter((name) => name !== "one" || desired !== "Running");
      // A paused init container holds everything up, as it was asked to by hand.
      const want = desired === "Running" && !paused ? mains : [];
      expect(paused && desired === "Running" ? [] : running).toEqual(want);
    },
  );
  assert(settles, { numRuns: 1_000 });
});

test("planPod() stops nothing that fits while it goes from Prepared to Running and back", () => {
  const orders = array(constantFrom<Seen["desired"][]>("Running", "Prepared", "Stopped"), {
    minLength: 1,
    maxLength: 6,
  });
  const keeps = property(orders, (list) => {
    const world = new World([]);
    settle(world, "Prepared");
    const made = world.facts.map(({ id }) => id);
    for (const desired of list) settle(world, desired);
    expect(world.facts.map(({ id }) => id)).toEqual(made);
    expect([...world.histories.values()].map(({ restarts }) => restarts)).toEqual([0, 0, 0]);
  });
  assert(keeps, { numRuns: 200 });
});

test("planPod() is the same for the same world", () => {
  const same = property(anyWorld, (facts) => {
    const seen = new World(facts).seen("Running");
    expect(planPod(seen, noonMs)).toEqual(planPod(seen, noonMs));
  });
  assert(same, { numRuns: 100 });
});

test("planPod() stops no rival unless the batch also starts its own", () => {
  const rival = { pod: buildPod({ metadata: { uid: "old" } }), up: [] };
  const fair = property(anyWorld, (facts) => {
    const upFact = { ...facts[0], id: "rival" } as ContainerFact;
    const seen = new World(facts).seen("Running", { rivals: [{ ...rival, up: [upFact] }] });
    const kinds = planPod(seen, noonMs).steps.map((step) =>
      step.kind === "stop" && step.of !== undefined ? "rival" : step.kind,
    );
    const at = kinds.indexOf("rival");
    if (at < 0) return;
    expect(kinds.slice(at + 1)).toContain("start");
    expect(kinds.slice(0, at)).not.toContain("start");
  });
  assert(fair, { numRuns: 500 });
});
