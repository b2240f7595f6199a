import { costs } from "./cost.ts";
import type { FunctionEntry } from "./function-table.ts";
import { CelError, CelOpaque } from "./value.ts";

type Numbers = readonly [major: bigint, minor: bigint, patch: bigint];

/** A version by the rules of semver.org. */
class CelSemver extends CelOpaque {
  readonly typeName = "kubernetes.Semver";
  readonly numbers: Numbers;
  readonly pre: readonly string[];
  constructor(numbers: Numbers, pre: readonly string[]) {
    super();
    this.numbers = numbers;
    this.pre = pre;
  }
  equals(other: CelSemver): boolean {
    return compare(this, other) === 0;
  }
}

const number = "(0|[1-9]\\d*)";
const part = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";
const version = new RegExp(
  `^${number}\\.${number}\\.${number}(?:-(${part}(?:\\.${part})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);

function read(text: string): CelSemver | undefined {
  const match = version.exec(text);
  if (match === null) return undefined;
  const [, major = "0", minor = "0", patch = "0", pre = ""] = match;
  const numbers = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
  return new CelSemver(numbers, pre === "" ? [] : pre.split("."));
}

/** `v1.2` as `1.2.0`: what people write when they mean it. */
function normalized(text: string): string {
  const [, core = "", rest = ""] = /^v?([^-+]*)(.*)$/s.exec(text) ?? [];
  const parts = core.split(".").map((one) => one.replace(/^0+(?=\d)/, ""));
  while (parts.length < 3) parts.push("0");
  return parts.join(".") + rest;
}

function toSemver(text: string, normalize = false): CelSemver {
  const found = read(normalize ? normalized(text) : text);
  if (found === undefined)
    throw new CelError(`No Major.Minor.Patch elements found: ${JSON.stringify(text)}`);
  return found;
}

function compareParts(left: string, right: string): number {
  const [a, b] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (a && b) return BigInt(left) < BigInt(right) ? -1 : Number(BigInt(left) > BigInt(right));
  if (a !== b) return a ? -1 : 1;
  return left < right ? -1 : Number(left > right);
}

function comparePre(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0)
    return Number(right.length > 0) - Number(left.length > 0) === 0
      ? 0
      : left.length === 0
        ? 1
        : -1;
  for (const [i, one] of left.entries()) {
    const other = right[i];
    if (other === undefined) return 1;
    const order = compareParts(one, other);
    if (order !== 0) return order;
  }
  return left.length < right.length ? -1 : 0;
}

function compare(left: CelSemver, right: CelSemver): number {
  for (const i of [0, 1, 2] as const) {
    const [a, b] = [left.numbers[i], right.numbers[i]];
    if (a !== b) return a < b ? -1 : 1;
  }
  return comparePre(left.pre, right.pre);
}

const type = "kubernetes.Semver";

/** Kubernetes' functions for versions such as `1.2.3-rc.1`. */
export const semverFunctions: readonly FunctionEntry[] = [
  [`semver(string): ${type}`, (text: string) => toSemver(text), costs.scan],
  [`semver(string, bool): ${type}`, toSemver, costs.scan],
  ["isSemver(string): bool", (text: string) => read(text) !== undefined, costs.scan],
  [
    "isSemver(string, bool): bool",
    (text: string, normalize: boolean) => read(normalize ? normalized(text) : text) !== undefined,
    costs.scan,
  ],
  [`${type}.major(): int`, ({ numbers }: CelSemver) => numbers[0]],
  [`${type}.minor(): int`, ({ numbers }: CelSemver) => numbers[1]],
  [`${type}.patch(): int`, ({ numbers }: CelSemver) => numbers[2]],
  [`${type}.isGreaterThan(${type}): bool`, (a: CelSemver, b: CelSemver) => compare(a, b) > 0],
  [`${type}.isLessThan(${type}): bool`, (a: CelSemver, b: CelSemver) => compare(a, b) < 0],
  [`${type}.compareTo(${type}): int`, (a: CelSemver, b: CelSemver) => BigInt(compare(a, b))],
];
