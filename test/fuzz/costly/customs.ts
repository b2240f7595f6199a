import { costlyCrds } from "./crds.ts";
import {
  type CostlyRequest,
  type CostlyGroup,
  custom,
  many,
  fieldsOf,
  thing,
  post,
} from "./request.ts";

/** Aimed at customs. */
export const customs: CostlyGroup = () => {
  const thingOf = (what: string, spec: unknown): CostlyRequest =>
    post(what, `${custom}/things`, thing("Thing", "a", spec));
  return [
    thingOf("a set of many numbers", { set: many(60_000, (i) => i) }),
    thingOf("a set of many equal numbers", { set: many(60_000, () => 0) }),
    thingOf("a set of many twins", { set: many(60_000, (i) => i % 200_000) }),
    thingOf("a list of many keys", { map: many(15_000, (i) => ({ name: `k${i}`, port: i })) }),
    thingOf("a list of many equal keys", { map: many(15_000, () => ({ name: "k", port: 1 })) }),
    thingOf("a list of many items without keys", { map: many(15_000, () => ({})) }),
    thingOf("a list of many wrong items", { map: many(60_000, () => 0) }),
    thingOf("a list of many pruned fields", {
      map: many(15_000, (i) => ({ name: `k${i}`, x: 0 })),
    }),
    thingOf("many defaults", { defaults: many(15_000, () => ({})) }),
    thingOf("many times", { times: many(60_000, () => "2026-01-02T03:04:05Z") }),
    thingOf("many addresses", { addresses: many(60_000, () => "1::2:3:4:5") }),
    thingOf("many durations", { durations: many(60_000, () => "1h2m3s") }),
    thingOf("a duration of 3 MB", { durations: ["1h".repeat(1_400_000)] }),
    thingOf("an address of 3 MB", { addresses: [":1".repeat(1_400_000)] }),
    thingOf("patterns over 3 MB", { patterns: ["a".repeat(2_900_000)] }),
    thingOf("patterns over many texts", { patterns: many(60_000, () => "aaaaaa") }),
    thingOf("many choices", { choices: many(15_000, () => ({ a: 1 })) }),
    thingOf("many texts out of 1,000", { enums: many(60_000, () => "v999") }),
    thingOf("many objects against an enum", { enums: many(15_000, () => ({})) }),
    thingOf("unknown fields in free form", { free: fieldsOf(60_000, (i) => [`${i}`, 0]) }),
  ];
};

/** Aimed at crdBodies. */
export const crdBodies: CostlyGroup = () => {
  const url = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  return costlyCrds.map(([what, make]) => post(what, url, make()));
};
