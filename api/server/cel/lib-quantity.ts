import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  type Quantity,
} from "../../machinery/quantity.ts";
import { costs } from "./cost.ts";
import type { FunctionEntry } from "./function-table.ts";
import { CelError, CelOpaque } from "./value.ts";

const nano = 1_000_000_000n;
const maxInt = 2n ** 63n;

class CelQuantity extends CelOpaque {
  readonly typeName = "kubernetes.Quantity";
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }
  equals(other: CelQuantity): boolean {
    return compareQuantities(this.quantity, other.quantity) === 0;
  }
}

function toQuantity(text: string): CelQuantity {
  const quantity = parseQuantity(text);
  if (quantity === undefined)
    throw new CelError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  return new CelQuantity(quantity);
}

const isInteger = ({ quantity }: CelQuantity): boolean =>
  quantity.nanos % nano === 0n &&
  quantity.nanos / nano < maxInt &&
  quantity.nanos / nano >= -maxInt;

function asInteger(value: CelQuantity): bigint {
  if (!isInteger(value)) throw new CelError("cannot convert value to integer");
  return value.quantity.nanos / nano;
}

const whole = (value: bigint): CelQuantity => toQuantity(String(value));
const negative = ({ quantity }: CelQuantity): CelQuantity =>
  new CelQuantity({ ...quantity, nanos: -quantity.nanos });
const add = (a: CelQuantity, b: CelQuantity): CelQuantity =>
  new CelQuantity(addQuantities(a.quantity, b.quantity));
const compare = (a: CelQuantity, b: CelQuantity): number =>
  compareQuantities(a.quantity, b.quantity);
const signOf = (order: number): bigint => (order < 0 ? -1n : BigInt(order > 0));

/** Kubernetes' functions for quantities such as `1.5Gi`. */
export const quantityFunctions: readonly FunctionEntry[] = [
  ["quantity(string): kubernetes.Quantity", toQuantity, costs.scan],
  ["isQuantity(string): bool", (text: string) => parseQuantity(text) !== undefined, costs.scan],
  [
    "kubernetes.Quantity.sign(): int",
    ({ quantity }: CelQuantity) => signOf(Number(quantity.nanos)),
  ],
  ["kubernetes.Quantity.isInteger(): bool", isInteger],
  ["kubernetes.Quantity.asInteger(): int", asInteger],
  [
    "kubernetes.Quantity.asApproximateFloat(): double",
    ({ quantity }: CelQuantity) => Number(quantity.nanos) / Number(nano),
  ],
  [
    "kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool",
    (a: CelQuantity, b: CelQuantity) => compare(a, b) > 0,
  ],
  [
    "kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool",
    (a: CelQuantity, b: CelQuantity) => compare(a, b) < 0,
  ],
  [
    "kubernetes.Quantity.compareTo(kubernetes.Quantity): int",
    (a: CelQuantity, b: CelQuantity) => signOf(compare(a, b)),
  ],
  ["kubernetes.Quantity.add(kubernetes.Quantity): kubernetes.Quantity", add],
  [
    "kubernetes.Quantity.add(int): kubernetes.Quantity",
    (a: CelQuantity, b: bigint) => add(a, whole(b)),
  ],
  [
    "kubernetes.Quantity.sub(kubernetes.Quantity): kubernetes.Quantity",
    (a: CelQuantity, b: CelQuantity) => add(a, negative(b)),
  ],
  [
    "kubernetes.Quantity.sub(int): kubernetes.Quantity",
    (a: CelQuantity, b: bigint) => add(a, whole(-b)),
  ],
];
