import fc from "fast-check";
import { expect, test } from "vitest";
import { compareQuantities, parseQuantity } from "../../api/machinery/quantity.ts";
import type { Offer } from "../../crds/types.gen.ts";
import { allocatableOf, offerFor } from "./offer.ts";

const capacity = { cpu: "4", memory: "8388608Ki", pods: "250", "ephemeral-storage": "1000Ki" };

test.each<[string, Offer, Record<string, string>]>([
  ["nothing said: all of it", {}, { ...capacity, memory: "8Gi", "ephemeral-storage": "1000Ki" }],
  ["a part", { cpu: "1500m", memory: "2Gi", pods: 9 }, { cpu: "1500m", memory: "2Gi", pods: "9" }],
  ["a lie above what is there", { cpu: 64, memory: "1Ti" }, { cpu: "4", memory: "8Gi" }],
  ["something kept back", { reserved: { cpu: "500m" } }, { cpu: "3500m" }],
  ["the smaller of both", { cpu: 3, reserved: { cpu: 2 } }, { cpu: "2" }],
  ["more kept back than there is", { reserved: { memory: "9Gi" } }, { memory: "0" }],
  ["whole CPUs, one of them for all", { cpuManagerPolicy: "Static" }, { cpu: "3" }],
  ["whole CPUs, two for all", { cpuManagerPolicy: "Static", reserved: { cpu: 2 } }, { cpu: "2" }],
  ["nothing at all", { cpu: 0, pods: 0 }, { cpu: "0", pods: "0" }],
])("allocatableOf() with %s", (_what, offer, want) => {
  expect(allocatableOf(capacity, offer)).toMatchObject(want);
});

test("allocatableOf() takes the owner's word for a disk that nobody can measure", () => {
  const { "ephemeral-storage": _disk, ...rest } = capacity;
  expect(allocatableOf(rest, {})).not.toHaveProperty("ephemeral-storage");
  const offer = { ephemeralStorage: "10Gi", reserved: { ephemeralStorage: "1Gi" } };
  expect(allocatableOf(rest, offer)).toMatchObject({ "ephemeral-storage": "9Gi" });
});

test("allocatableOf() is never more than capacity, whatever is offered", () => {
  const amount = fc.option(fc.nat(20), { nil: undefined });
  fc.assert(
    fc.property(amount, amount, fc.nat(20), (cpu, kept, has) => {
      const offer = { ...(cpu === undefined ? {} : { cpu }), reserved: { cpu: kept ?? 0 } };
      const lent = parseQuantity(allocatableOf({ cpu: `${has}`, pods: "1" }, offer)["cpu"] ?? "x");
      const total = parseQuantity(`${has}`);
      if (lent === undefined || total === undefined) throw new Error("no quantity");
      expect(compareQuantities(lent, total)).toBeLessThanOrEqual(0);
      expect(lent.nanos).toBeGreaterThanOrEqual(0n);
    }),
  );
});

test("offerFor() prefers single fields of the first entry that fits all its labels", () => {
  const spec = {
    offer: { cpu: 1, memory: "1Gi" },
    offers: [
      { matchLabels: { room: "2", rack: "a" }, offer: { cpu: 9 } },
      { matchLabels: { room: "2" }, offer: { cpu: 2 } },
      { matchLabels: { room: "2" }, offer: { cpu: 3 } },
    ],
  };
  expect(offerFor(spec, { room: "2" })).toEqual({ cpu: 2, memory: "1Gi" });
  expect(offerFor(spec, { room: "1" })).toEqual({ cpu: 1, memory: "1Gi" });
  expect(offerFor({}, { room: "1" })).toEqual({});
});
