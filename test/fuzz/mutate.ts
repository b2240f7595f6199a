import { stringify } from "yaml";
import type { Random } from "./random.ts";

/** Values that parsers, validators and merges stumble over. */
const oddities: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e21,
  2 ** 53,
  -(2 ** 31) - 1,
  0.1,
  "",
  " ",
  "a".repeat(70_000),
  "\u0000",
  "\ud800",
  "..",
  "../../etc/passwd",
  "%2e%2e%2f",
  "system:masters",
  "2026-13-45T99:99:99Z",
  "0001-01-01T00:00:00Z",
  "1e999",
  "9".repeat(400),
  "{{ }}",
  [],
  {},
  [[[[[[]]]]]],
  [null],
  { "": "" },
  { constructor: { prototype: { polluted: true } } },
  { $patch: "delete" },
  { "$setElementOrder/containers": [{ name: 1 }] },
  { "$deleteFromPrimitiveList/finalizers": [1] },
  { toString: 1, valueOf: 2, hasOwnProperty: 3 },
];

/** A copy in which some values were replaced, removed, doubled, or moved to where others were. */
export function mutated(value: unknown, random: Random): unknown {
  const copy = structuredClone(value);
  const holder = { value: copy };
  for (let times = 1 + random.below(4); times > 0; times--) mutateOnce(holder, random);
  return holder.value;
}

type Place = { readonly parent: Record<string, unknown>; readonly key: string };

function placesIn(parent: Record<string, unknown>, found: Place[]): readonly Place[] {
  for (const [key, value] of Object.entries(parent)) {
    found.push({ parent, key });
    if (typeof value === "object" && value !== null)
      placesIn(value as Record<string, unknown>, found);
  }
  return found;
}

function mutateOnce(holder: { value: unknown }, random: Random): void {
  const places = placesIn(holder, []);
  const { parent, key } = random.pick(places);
  switch (random.below(5)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else if (key !== "value" || parent !== (holder as object)) delete parent[key];
      break;
    case 1: {
      const other = random.pick(places);
      parent[key] = structuredClone(other.parent[other.key]);
      break;
    }
    case 2:
      if (Array.isArray(parent)) parent.push(structuredClone(parent[Number(key)]));
      else parent[`${key}x`] = structuredClone(parent[key]);
      break;
    default:
      parent[key] = structuredClone(random.pick(oddities));
  }
}

/** A request body and what it claims to be. */
export type FuzzBody = { readonly type: string; readonly bytes: Buffer };

/** Cuts, flips, doubles and inserts bytes. */
export function damaged(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const at = random.below(copy.length + 1);
  switch (random.below(4)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      return Buffer.concat([
        copy.subarray(0, at),
        random.bytes(random.below(9)),
        copy.subarray(at),
      ]);
    case 2:
      return Buffer.concat([copy.subarray(0, at), copy]);
    default:
      if (copy.length > 0) copy[at % copy.length] = random.below(256);
      return copy;
  }
}

const jsonTypes = [
  "application/json",
  "application/json; charset=utf-8",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/json-patch+json",
] as const;
const yamlTypes = ["application/yaml", "application/apply-patch+yaml"] as const;

/** The object mutated, in one of the encodings that take JSON's data model, sometimes damaged. */
export function encoded(object: unknown, random: Random): FuzzBody {
  const value = random.once(4) ? object : mutated(object, random);
  const yaml = random.once(3);
  const type = yaml ? random.pick(yamlTypes) : random.pick(jsonTypes);
  const text = yaml ? stringify(value ?? null) : JSON.stringify(value ?? null);
  const bytes = Buffer.from(text);
  return { type, bytes: random.once(4) ? damaged(bytes, random) : bytes };
}
