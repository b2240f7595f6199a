import { describe } from "vitest";
import type { FieldSet } from "./field-set.ts";
import { type ApplyCase, leaf, member, of, testApplyCases } from "../../../test/kit/apply-cases.ts";

const ports = (entries: Readonly<Record<string, FieldSet>>): FieldSet => ({ "f:ports": entries });
const http = 'k:{"number":80,"protocol":"TCP"}';
const dns = 'k:{"number":53,"protocol":"UDP"}';

const keyedLists: readonly ApplyCase[] = [
  [
    "items are told apart by all keys; an absent one has its default",
    [
      ["ann", "apply", { ports: [{ number: 80 }] }],
      [
        "bob",
        "apply",
        {
          ports: [
            { number: 80, protocol: "TCP" },
            { number: 53, protocol: "UDP" },
          ],
        },
      ],
    ],
    {
      ports: [
        { number: 80, protocol: "TCP" },
        { number: 53, protocol: "UDP" },
      ],
    },
    {
      ann: ports({ [http]: member(of("number")) }),
      bob: ports({
        [dns]: member(of("number", "protocol")),
        [http]: member(of("number", "protocol")),
      }),
    },
  ],
  [
    "fields of one item may have several owners",
    [
      ["ann", "apply", { decks: [{ id: "a", colour: "red" }] }],
      ["bob", "apply", { decks: [{ id: "a", cabins: ["1"] }] }],
    ],
    { decks: [{ id: "a", colour: "red", cabins: ["1"] }] },
    {
      ann: { "f:decks": { 'k:{"id":"a"}': member(of("colour", "id")) } },
      bob: {
        "f:decks": { 'k:{"id":"a"}': member({ "f:cabins": { 'v:"1"': leaf }, "f:id": leaf }) },
      },
    },
  ],
  [
    "an item goes whole when nobody owns a part of it",
    [
      ["ann", "apply", { decks: [{ id: "a", colour: "red" }, { id: "b" }] }],
      ["ann", "apply", { decks: [{ id: "b" }] }],
    ],
    { decks: [{ id: "b" }] },
    { ann: { "f:decks": { 'k:{"id":"b"}': member(of("id")) } } },
  ],
  [
    "an item stays with what others own of it",
    [
      ["ann", "apply", { decks: [{ id: "a", colour: "red" }] }],
      ["bob", "apply", { decks: [{ id: "a", cabins: ["1"] }] }],
      ["ann", "apply", {}],
    ],
    { decks: [{ id: "a", cabins: ["1"] }] },
    {
      bob: {
        "f:decks": { 'k:{"id":"a"}': member({ "f:cabins": { 'v:"1"': leaf }, "f:id": leaf }) },
      },
    },
  ],
  [
    "a conflict names the keys",
    [
      ["ann", "apply", { decks: [{ id: "a", rooms: [{ id: "x", beds: 1 }] }] }],
      ["bob", "!", { decks: [{ id: "a", rooms: [{ id: "x", beds: 2 }] }] }],
    ],
    { decks: [{ id: "a", rooms: [{ id: "x", beds: 1 }] }] },
    {
      ann: {
        "f:decks": {
          'k:{"id":"a"}': member({
            "f:id": leaf,
            "f:rooms": { 'k:{"id":"x"}': member(of("beds", "id")) },
          }),
        },
      },
    },
    ['ann.decks[id="a"].rooms[id="x"].beds'],
  ],
];

const maps: readonly ApplyCase[] = [
  [
    "keys of a free map are owned one by one",
    [
      ["ann", "apply", { labels: { a: "1" } }],
      ["bob", "apply", { labels: { b: "1" } }],
      ["ann", "apply", { labels: { c: "1" } }],
    ],
    { labels: { b: "1", c: "1" } },
    { ann: { "f:labels": of("c") }, bob: { "f:labels": of("b") } },
  ],
  [
    "an atomic map is owned as a whole",
    [
      ["ann", "apply", { berth: { quay: "5" } }],
      ["bob", "!", { berth: { side: "port" } }],
    ],
    { berth: { quay: "5" } },
    { ann: of("berth") },
    ["ann.berth"],
  ],
  [
    "an atomic list is replaced as a whole",
    [
      ["ann", "apply", { log: ["a", "b"] }],
      ["bob", "force", { log: ["b"] }],
    ],
    { log: ["b"] },
    { bob: of("log") },
  ],
  [
    "fields of a declared object are owned one by one, and it goes when it is empty",
    [
      ["ann", "apply", { name: "Ark", engine: { power: 1 } }],
      ["ann", "apply", { name: "Ark" }],
    ],
    { name: "Ark" },
    { ann: of("name") },
  ],
  [
    "an object that is named empty is owned",
    [["ann", "apply", { engine: {} }]],
    { engine: {} },
    { ann: of("engine") },
  ],
  [
    "what has no schema is owned by what is in it: fields one by one, lists as a whole",
    [
      ["ann", "apply", { cargo: { hold: { tons: 1, crates: ["a"] } } }],
      ["bob", "apply", { cargo: { hold: { seal: true } } }],
      ["bob", "!", { cargo: { hold: { crates: ["b"] } } }],
    ],
    { cargo: { hold: { tons: 1, crates: ["a"], seal: true } } },
    {
      ann: { "f:cargo": { "f:hold": member(of("tons", "crates")) } },
      bob: { "f:cargo": { "f:hold": member(of("seal")) } },
    },
    ["ann.cargo.hold.crates"],
  ],
  [
    "a value that becomes an object loses its owner",
    [
      ["ann", "apply", { cargo: { hold: "full" } }],
      ["ctl", "update", { cargo: { hold: { tons: 2 } } }],
    ],
    { cargo: { hold: { tons: 2 } } },
    { ctl: { "f:cargo": { "f:hold": member(of("tons")) } } },
  ],
];

describe("lists with keys:", () => {
  testApplyCases(keyedLists);
});
describe("objects:", () => {
  testApplyCases(maps);
});
