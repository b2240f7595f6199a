import { durationText, timestampText } from "./time.ts";
import {
  CelDuration,
  CelError,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
  entriesOf,
  typeNameOf,
} from "./value.ts";

function shownObject(value: object): string {
  if (value instanceof CelUint) return String(value.value);
  if (value instanceof CelTimestamp) return timestampText(value);
  if (value instanceof CelDuration) return durationText(value);
  if (value instanceof CelTypeValue) return value.type;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (Array.isArray(value)) return `[${value.map(quoted).join(", ")}]`;
  if (typeNameOf(value) !== "map") return typeNameOf(value);
  const entries = entriesOf(value).map(([key, item]) => `${quoted(key)}: ${quoted(item)}`);
  return `{${entries.sort().join(", ")}}`;
}

/** A value as `%s` shows it. */
function shown(value: CelValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "object") return value === null ? "null" : shownObject(value);
  return typeof value === "boolean" || typeof value === "bigint" || typeof value === "number"
    ? String(value)
    : "";
}

function quoted(value: CelValue): string {
  return typeof value === "string" ? JSON.stringify(value) : shown(value);
}

function whole(value: CelValue, clause: string): bigint {
  if (typeof value === "bigint") return value;
  if (value instanceof CelUint) return value.value;
  throw new CelError(
    `error during formatting: ${clause} clause can only be used on integers, was given ${typeNameOf(value)}`,
  );
}

function real(value: CelValue, clause: string): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw new CelError(
    `error during formatting: ${clause} clause can only be used on doubles, was given ${typeNameOf(value)}`,
  );
}

function hexadecimal(value: CelValue): string {
  if (typeof value === "string") return Buffer.from(value).toString("hex");
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return whole(value, "hex").toString(16);
}

function binary(value: CelValue): string {
  if (typeof value === "boolean") return value ? "1" : "0";
  return whole(value, "binary").toString(2);
}

/** Longest text that is made. */
const maxLength = 4 * 1024 * 1024;

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** `3.14e+0` as `3.14×10⁰⁰`, the way the library of CEL prints it. */
function exponent(text: string): string {
  return text.replace(/e([-+])(\d+)$/, (_, sign: string, digits: string) => {
    const raised = Array.from(
      digits.padStart(2, "0"),
      (digit) => superscripts[Number(digit)] ?? "",
    );
    return `×10${sign === "-" ? "⁻" : ""}${raised.join("")}`;
  });
}

const clauses: Readonly<Record<string, (value: CelValue, digits: number) => string>> = {
  s: shown,
  d: (value) => String(whole(value, "integer")),
  f: (value, digits) => real(value, "fixed-point").toFixed(digits),
  e: (value, digits) => exponent(real(value, "scientific notation").toExponential(digits)),
  b: binary,
  x: hexadecimal,
  X: (value) => hexadecimal(value).toUpperCase(),
  o: (value) => whole(value, "octal").toString(8),
};

/** `"%d of %s".format([1, "a"])`. @throws CelError for a clause that does not fit its value */
export function formatText(format: string, values: readonly CelValue[]): string {
  let next = 0;
  let length = format.length;
  return format.replaceAll(
    /%(?:\.(\d+))?(.|$)/gs,
    (_, digits: string | undefined, clause: string) => {
      if (clause === "%") return "%";
      const write = clauses[clause];
      if (write === undefined)
        throw new CelError(
          `could not parse formatting clause: unrecognized formatting clause "${clause}"`,
        );
      if (next >= values.length) throw new CelError(`index ${next} out of range`);
      const value = values[next];
      next += 1;
      const text = write(value, Math.min(Number(digits ?? 6), 100));
      length += text.length;
      if (length > maxLength) throw new CelError(`text of ${length} characters is too long`);
      return text;
    },
  );
}
