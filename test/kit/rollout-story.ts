import fc from "fast-check";
import type { Strategy } from "../../controllers/application/seen.ts";
import { type Behaviour, RolloutWorld } from "./rollout-world.ts";

/** One thing that happens; numbers choose what it happens to. */
export type Happening =
  | { readonly kind: "pass"; readonly crashAfter: number }
  | { readonly kind: "agent" | "trip" | "deletePod"; readonly pick: number }
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "template"; readonly hash: string }
  | { readonly kind: "scale"; readonly replicas: number }
  | { readonly kind: "node"; readonly pick: number; readonly offline: boolean }
  | { readonly kind: "drain" | "uncordon" | "abandon"; readonly pick: number }
  | { readonly kind: "join" | "leave" | "reboot"; readonly pick: number }
  | { readonly kind: "clockBack"; readonly ms: number }
  | { readonly kind: "pause" | "runState"; readonly on: boolean }
  | { readonly kind: "config"; readonly lacks: "nothing" | "configmap/web-env" | "api-server" }
  | { readonly kind: "retry" | "approve" };

const pick = fc.nat({ max: 1_000 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      crashAfter: fc.oneof({ weight: 3, arbitrary: fc.constant(1_000) }, fc.nat({ max: 6 })),
    }),
  },
  { weight: 40, arbitrary: fc.record({ kind: fc.constant("agent" as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("trip" as const, "deletePod" as const), pick }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("time" as const),
      ms: fc.constantFrom(500, 5_000, 40_000, 700_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("template" as const),
      hash: fc.constantFrom("v1", "v2", "v3"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("scale" as const), replicas: fc.nat({ max: 6 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("node" as const), pick, offline: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("drain" as const, "uncordon" as const, "abandon" as const),
      pick,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("join" as const, "leave" as const, "reboot" as const),
      pick,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("clockBack" as const),
      ms: fc.constantFrom(300, 4_000, 60_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("pause" as const, "runState" as const),
      on: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("config" as const),
      lacks: fc.constantFrom("nothing", "nothing", "configmap/web-env", "api-server"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("retry" as const, "approve" as const) }),
  },
);

const strategy: fc.Arbitrary<Partial<Strategy>> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  order: fc.constantFrom("StopFirst", "StartFirst"),
  canary: fc.nat({ max: 2 }),
  manualApproval: fc.boolean(),
  prepare: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  pauseMs: fc.constantFrom(0, 10_000),
  monitorMs: fc.constantFrom(0, 30_000),
  tolerated: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.constant(1)),
  onFailure: fc.oneof(
    { weight: 4, arbitrary: fc.constant("Rollback" as const) },
    fc.constant("Pause" as const),
  ),
  offlineNodes: fc.constantFrom("Skip", "Wait", "Fail"),
});

const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  { weight: 4, arbitrary: fc.constant("good" as const) },
  fc.constantFrom("crashes", "hangs", "unpullable", "fragile"),
);

/** Random worlds: strategies, templates good and bad, and up to 120 things that happen. */
export const story = fc.record({
  strategy,
  replicas: fc.integer({ min: 0, max: 6 }),
  perNode: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, fc.constant(true)),
  behaviours: fc.tuple(behaviour, behaviour, behaviour),
  happenings: fc.array(happening, { maxLength: 120, size: "max" }),
});

/** A world, and what happens in it. */
export type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

/** The world at the beginning of a story. */
export const startWorld = ({ strategy, replicas, perNode, behaviours }: Story): RolloutWorld => {
  const world = new RolloutWorld({ replicas, perNode }, strategy);
  behaviours.forEach((behaviour, index) => world.behaviours.set(`v${index + 1}`, behaviour));
  return world;
};

/** The controller's part: one pass over the world, which may die after some acts. */
export type Pass = (world: RolloutWorld, crashAfter: number) => void;

type Happens<Kind extends Happening["kind"]> = (
  world: RolloutWorld,
  event: Extract<Happening, { kind: Kind }>,
) => void;

function chosen(world: RolloutWorld, pick: number): string {
  const names = [...world.pods.keys()];
  return names[pick % Math.max(1, names.length)] ?? "";
}

const happens: { readonly [Kind in Exclude<Happening["kind"], "pass">]: Happens<Kind> } = {
  agent: (world, { pick }) => void world.act(chosen(world, pick)),
  trip: (world, { pick }) => world.trip(chosen(world, pick)),
  deletePod: (world, { pick }) => world.delete(chosen(world, pick)),
  time: (world, { ms }) => void (world.nowMs += ms),
  template: (world, { hash }) => void (world.wish.hash = hash),
  scale: (world, { replicas }) => void (world.wish.replicas = replicas),
  node: (world, { pick, offline }) => {
    const node = `node-${pick % 4}`;
    if (offline) world.offline.add(node);
    else world.offline.delete(node);
  },
  drain: (world, { pick }) => world.drain(`node-${pick % 4}`),
  uncordon: (world, { pick }) => world.uncordon(`node-${pick % 4}`),
  abandon: (world, { pick }) => {
    const node = `node-${pick % 4}`;
    if (world.offline.has(node)) world.abandon(node);
  },
  join: (world, { pick }) => world.join(`node-${pick % 4}`),
  leave: (world, { pick }) => world.leave(`node-${pick % 4}`),
  reboot: (world, { pick }) => world.reboot(`node-${pick % 4}`),
  // Another controller leads, whose clock is behind.
  clockBack: (world, { ms }) => void (world.nowMs -= ms),
  pause: (world, { on }) => void (world.wish.paused = on),
  runState: (world, { on }) => void (world.wish.running = on),
  config: ({ wish, nowMs }, { lacks }) => {
    if (lacks === "nothing") delete wish.missing;
    else {
      const owners = lacks === "api-server" ? ["configmap/web-env", lacks] : [lacks];
      const missing = (owner: string) => ({ owner, message: `lacks ${owner}`, sinceMs: nowMs });
      wish.missing = owners.map(missing);
    }
  },
  retry: (world) => {
    world.nowMs += 1_000;
    world.wish.retryMs = world.memory.failed?.failedAtMs ?? 0;
  },
  approve: (world) => void (world.wish.approved = world.memory.rollout?.revision ?? ""),
};

/** Lets one thing happen. */
export function happen(world: RolloutWorld, event: Happening, pass: Pass): void {
  if (event.kind === "pass") return pass(world, event.crashAfter);
  const act = happens[event.kind] as (world: RolloutWorld, event: Happening) => void;
  act(world, event);
}
