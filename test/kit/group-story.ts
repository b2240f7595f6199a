import fc from "fast-check";
import type { Strategy } from "../../controllers/application/seen.ts";
import { GroupWorld } from "./group-world.ts";
import type { Behaviour } from "./rollout-world.ts";

/** The members that a world may have. */
export const names = ["api", "db", "web"] as const;

/** One thing that happens to one of the members; numbers choose what. */
export type Happening =
  | { readonly kind: "read" | "write"; readonly of: number; readonly number: number }
  | { readonly kind: "run"; readonly of: number; readonly number: number }
  | { readonly kind: "agent" | "trip"; readonly of: number; readonly number: number }
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "template"; readonly of: number; readonly hash: string }
  | { readonly kind: "pause" | "offline" | "alone"; readonly of: number; readonly on: boolean }
  | { readonly kind: "retry" | "approve"; readonly of: number };

/** Chooses a member. */
export const of = fc.nat({ max: 2 });
/** Chooses what it is about. */
export const number = fc.nat({ max: 1_000 });

/** Passes, agents and time: what goes on without anybody's will. */
export const work: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: fc.constant("read" as const), of, number }) },
  { weight: 30, arbitrary: fc.record({ kind: fc.constant("write" as const), of, number }) },
  { weight: 40, arbitrary: fc.record({ kind: fc.constant("agent" as const), of, number }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("run" as const), of, number }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("time" as const),
      ms: fc.constantFrom(500, 6_000, 40_000),
    }),
  },
);

/** What users and hosts do on top of it. */
export const unrest: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("template" as const),
      of,
      hash: fc.constantFrom("v1", "v2", "v3"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("trip" as const), of, number }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("pause" as const, "offline" as const),
      of,
      on: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("retry" as const, "approve" as const), of }),
  },
);

/** Members leave the group and come back. */
export const migration: fc.Arbitrary<Happening> = fc.record({
  kind: fc.constant("alone" as const),
  of,
  on: fc.boolean(),
});

const strategy: fc.Arbitrary<Partial<Strategy>> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  order: fc.constantFrom("StopFirst", "StartFirst"),
  canary: fc.nat({ max: 1 }),
  manualApproval: fc.boolean(),
  prepare: fc.boolean(),
  minReadyMs: fc.constantFrom(0, 5_000),
  monitorMs: fc.constantFrom(0, 30_000),
  onFailure: fc.oneof(
    { weight: 5, arbitrary: fc.constant("Rollback" as const) },
    fc.constant("Pause" as const),
  ),
  offlineNodes: fc.constantFrom("Skip", "Wait"),
});

const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  { weight: 5, arbitrary: fc.constant("good" as const) },
  { weight: 2, arbitrary: fc.constant("fragile" as const) },
  fc.constantFrom("crashes", "hangs", "unpullable", "fragile"),
);

const member = fc.record({
  order: fc.constantFrom(0, 0, 10, 20),
  replicas: fc.integer({ min: 0, max: 3 }),
  strategy,
  behaviours: fc.tuple(behaviour, behaviour),
});

/** The members of a world, and how they are. */
export type Setting = {
  readonly members: readonly (typeof member extends fc.Arbitrary<infer T> ? T : never)[];
  /** All carry the same version, so that nobody is given time to gather. */
  readonly hasVersion: boolean;
};

/** Two or three members with strategies and templates of all kinds. */
export const setting: fc.Arbitrary<Setting> = fc.record({
  members: fc.array(member, { minLength: 2, maxLength: 3 }),
  hasVersion: fc.boolean(),
});

/** The group at rest on `v1`, which is good everywhere. */
export function startWorld({ members, hasVersion }: Setting): GroupWorld {
  const world = new GroupWorld();
  members.forEach(({ strategy, behaviours, ...about }, index) => {
    const own = world.add(names[index] ?? "", about, strategy);
    own.behaviours.set("v2", behaviours[0]);
    own.behaviours.set("v3", behaviours[1]);
    if (hasVersion) world.wish(names[index] ?? "", (own) => void (own.version = "1"));
  });
  world.settle();
  return world;
}
