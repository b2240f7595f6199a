/** How a quantity was written, and is written back. */
export type QuantityFormat = "BinarySI" | "DecimalSI" | "DecimalExponent";

/** An amount such as `500m`, `2Gi` or `1e3`, exact to a billionth. */
export type Quantity = {
  /** The amount in billionths: of a core for `cpu`, of a byte for `memory`. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
};

const nano = 1_000_000_000n;
/** Amounts beyond this are cut to it, as Kubernetes does. */
const largest = (2n ** 63n - 1n) * nano;

const binary: Readonly<Record<string, bigint>> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};
const binaryNames = Object.keys(binary);

/** Powers of ten of the decimal suffixes, ascending. */
const decimal: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

// A longer text says nothing that a double or a 64-bit integer could hold.
const maxLength = 64;
const pattern = /^([+-]?)(?=\.?\d)(\d*)\.?(\d*)([KMGTPE]i|[eE][+-]?\d{1,9}|[numkMGTPE]?)$/;

/** `amount × 10^power`, away from zero where digits are lost: a request never shrinks. */
function scaled(amount: bigint, power: number): bigint {
  if (power >= 0) return power > maxLength ? largest + 1n : amount * 10n ** BigInt(power);
  if (power < -2 * maxLength) return 1n;
  const divisor = 10n ** BigInt(-power);
  return (amount + divisor - 1n) / divisor;
}

/** What the text behind the digits says: a power of ten or a binary factor. */
function parseSuffix(suffix: string): {
  readonly format: QuantityFormat;
  readonly factor: bigint;
  readonly power: number;
} {
  const factor = binary[suffix];
  if (factor !== undefined) return { format: "BinarySI", factor, power: 0 };
  const power = decimal[suffix];
  if (power !== undefined) return { format: "DecimalSI", factor: 1n, power };
  return { format: "DecimalExponent", factor: 1n, power: Number(suffix.slice(1)) };
}

/** Reads a quantity; `undefined` if it is none. Numbers are read as their decimal text. */
export function parseQuantity(value: string | number): Quantity | undefined {
  const text = String(value);
  const match = text.length > maxLength ? null : pattern.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", suffix = ""] = match;
  const { format, factor, power } = parseSuffix(suffix);
  const amount = BigInt(whole + fraction) * factor;
  const positive = amount === 0n ? 0n : scaled(amount, 9 + power - fraction.length);
  const nanos = positive > largest ? largest : positive;
  return { nanos: sign === "-" ? -nanos : nanos, format };
}

function binaryText(units: bigint): string {
  let rest = units;
  let step = -1;
  while (step < binaryNames.length - 1 && rest % 1024n === 0n) {
    rest /= 1024n;
    step += 1;
  }
  return `${rest}${binaryNames[step] ?? ""}`;
}

type Decimal = { readonly mantissa: bigint; readonly power: number; readonly suffix: string };

/** The mantissa without a fraction and the largest power of ten in steps of three. */
function decimalParts(nanos: bigint): Decimal {
  let best: Decimal = { mantissa: nanos, power: -9, suffix: "n" };
  for (const [suffix, power] of Object.entries(decimal)) {
    const divisor = 10n ** BigInt(power + 9);
    if (nanos % divisor !== 0n) break;
    best = { mantissa: nanos / divisor, power, suffix };
  }
  return best;
}

/**
 * The canonical text: no fraction, the largest suffix that keeps the amount exact. `0.5` becomes
 * `500m`, `1024Mi` becomes `1Gi`; a binary amount below 1024 or with a fraction is decimal.
 */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return "0";
  const units = nanos / nano;
  const small = units > -1024n && units < 1024n;
  if (format === "BinarySI" && !small && nanos % nano === 0n) return binaryText(units);
  const { mantissa, power, suffix } = decimalParts(nanos);
  if (format !== "DecimalExponent") return `${mantissa}${suffix}`;
  return power === 0 ? `${mantissa}` : `${mantissa}e${power}`;
}

/** The sum, written like the first of the two that is not zero. */
export function addQuantities(left: Quantity, right: Quantity): Quantity {
  return {
    nanos: left.nanos + right.nanos,
    format: left.nanos === 0n ? right.format : left.format,
  };
}

/** Negative, zero or positive, for sorting. */
export function compareQuantities(left: Quantity, right: Quantity): number {
  return Number(left.nanos > right.nanos) - Number(left.nanos < right.nanos);
}

/** Whole units (bytes, pods), rounded away from zero as Kubernetes' `Value()`. */
export function wholeUnits({ nanos }: Quantity): bigint {
  const up = nanos < 0n ? -(nano - 1n) : nano - 1n;
  return (nanos + up) / nano;
}
