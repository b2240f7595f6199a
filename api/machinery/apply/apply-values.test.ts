import { describe } from "vitest";
import type { FieldSet } from "./field-set.ts";
import { type ApplyCase, leaf, of, testApplyCases } from "../../../test/kit/apply-cases.ts";

const scalars: readonly ApplyCase[] = [
  [
    "a value that is applied twice is owned once",
    [
      ["ann", "apply", { name: "Ark" }],
      ["ann", "apply", { name: "Ark" }],
    ],
    { name: "Ark" },
    { ann: of("name") },
  ],
  [
    "a value that is applied anew is changed",
    [
      ["ann", "apply", { name: "Ark", crew: 1 }],
      ["ann", "apply", { name: "Ark", crew: 2, armed: false }],
    ],
    { name: "Ark", crew: 2, armed: false },
    { ann: of("name", "crew", "armed") },
  ],
  [
    "a value that is applied no more goes",
    [
      ["ann", "apply", { name: "Ark", crew: 1 }],
      ["ann", "apply", { name: "Ark" }],
    ],
    { name: "Ark" },
    { ann: of("name") },
  ],
  [
    "a value that somebody else applied conflicts",
    [
      ["ann", "apply", { name: "Ark" }],
      ["bob", "!", { name: "Bark" }],
    ],
    { name: "Ark" },
    { ann: of("name") },
    ["ann.name"],
  ],
  [
    "a value that an updater changed conflicts",
    [
      ["ann", "apply", { name: "Ark", crew: 1 }],
      ["ctl", "update", { name: "Ark", crew: 2 }],
      ["ann", "!", { name: "Ark", crew: 3 }],
    ],
    { name: "Ark", crew: 2 },
    { ann: of("name"), ctl: of("crew") },
    ["ctl.crew"],
  ],
  [
    "the same value is shared",
    [
      ["ann", "apply", { name: "Ark" }],
      ["bob", "apply", { name: "Ark" }],
    ],
    { name: "Ark" },
    { ann: of("name"), bob: of("name") },
  ],
  [
    "what is shared stays when one of its owners leaves",
    [
      ["ann", "apply", { name: "Ark", crew: 1 }],
      ["bob", "apply", { crew: 1 }],
      ["ann", "apply", { name: "Ark" }],
    ],
    { name: "Ark", crew: 1 },
    { ann: of("name"), bob: of("crew") },
  ],
  [
    "what is shared is everybody's to change only by force",
    [
      ["ann", "apply", { crew: 1 }],
      ["bob", "apply", { crew: 1 }],
      ["bob", "force", { crew: 2 }],
    ],
    { crew: 2 },
    { bob: of("crew") },
  ],
  [
    "force takes only what changes",
    [
      ["ann", "apply", { name: "Ark", crew: 1 }],
      ["bob", "force", { name: "Ark", crew: 2 }],
    ],
    { name: "Ark", crew: 2 },
    { ann: of("name"), bob: of("name", "crew") },
  ],
  [
    "an applier that an updater overwrote may give up in peace",
    [
      ["ann", "apply", { name: "Ark", crew: 1 }],
      ["ctl", "update", { name: "Ark", crew: 2 }],
      ["ann", "apply", { name: "Ark" }],
    ],
    { name: "Ark", crew: 2 },
    { ann: of("name"), ctl: of("crew") },
  ],
  [
    "what an updater removed is owned by nobody",
    [
      ["ann", "apply", { name: "Ark", crew: 1 }],
      ["ctl", "update", { name: "Ark" }],
    ],
    { name: "Ark" },
    { ann: of("name") },
  ],
  [
    "an update that changes nothing owns nothing",
    [
      ["ann", "apply", { name: "Ark" }],
      ["ctl", "update", { name: "Ark" }],
    ],
    { name: "Ark" },
    { ann: of("name") },
  ],
  [
    "an applier who names nothing is forgotten",
    [
      ["ann", "apply", { name: "Ark" }],
      ["bob", "apply", { crew: 1 }],
      ["ann", "apply", {}],
    ],
    { crew: 1 },
    { bob: of("crew") },
  ],
  [
    "null is a value, too",
    [
      ["ann", "apply", { name: "Ark" }],
      ["bob", "!", { name: null }],
    ],
    { name: "Ark" },
    { ann: of("name") },
    ["ann.name"],
  ],
];

const flags = (...values: readonly string[]): FieldSet => ({
  "f:flags": Object.fromEntries(values.map((value) => [`v:${JSON.stringify(value)}`, leaf])),
});

const sets: readonly ApplyCase[] = [
  [
    "items of several appliers come together, in the order of the last",
    [
      ["ann", "apply", { flags: ["a", "c"] }],
      ["bob", "apply", { flags: ["b", "c"] }],
    ],
    { flags: ["a", "b", "c"] },
    { ann: flags("a", "c"), bob: flags("b", "c") },
  ],
  [
    "an item that is applied no more goes, unless somebody else applies it",
    [
      ["ann", "apply", { flags: ["a", "b"] }],
      ["bob", "apply", { flags: ["b"] }],
      ["ann", "apply", { flags: [] }],
    ],
    { flags: ["b"] },
    { bob: flags("b") },
  ],
  [
    "the applied order wins",
    [
      ["ann", "apply", { flags: ["a", "b", "c", "d"] }],
      ["ann", "apply", { flags: ["d", "c", "b", "a"] }],
    ],
    { flags: ["d", "c", "b", "a"] },
    { ann: flags("a", "b", "c", "d") },
  ],
  [
    "foreign items keep their places among those of the applier",
    [
      ["ann", "apply", { flags: ["a", "b", "c"] }],
      ["bob", "apply", { flags: ["c", "a"] }],
    ],
    { flags: ["b", "c", "a"] },
    { ann: flags("a", "b", "c"), bob: flags("a", "c") },
  ],
  [
    "an item that an updater added stays",
    [
      ["ann", "apply", { flags: ["a"] }],
      ["ctl", "update", { flags: ["a", "b"] }],
      ["ann", "apply", { flags: ["c"] }],
    ],
    { flags: ["b", "c"] },
    { ann: flags("c"), ctl: flags("b") },
  ],
  [
    "an item that an updater made twice is its own",
    [
      ["ann", "apply", { flags: ["a", "b"] }],
      ["ctl", "update", { flags: ["a", "b", "b"] }],
    ],
    { flags: ["a", "b", "b"] },
    { ann: flags("a"), ctl: flags("b") },
  ],
];

describe("values:", () => {
  testApplyCases(scalars);
});
describe("sets:", () => {
  testApplyCases(sets);
});
