import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import {
  bytesOf,
  numberOf,
  textOf,
  WireReader,
  type WireValue,
} from "../../api/server/protobuf/wire.ts";

/** A field as a program written in Go describes it. */
export type DescribedField = {
  readonly number: number;
  readonly name: string;
  /** A scalar such as `int64`, or `message`. */
  readonly type: string;
  readonly shape: "single" | "list" | "map";
};

/** Fields by the full names of their messages, e.g. `k8s.io.api.core.v1.Pod`. */
export type Descriptors = ReadonlyMap<string, readonly DescribedField[]>;

// Numbers of google.protobuf.FieldDescriptorProto.Type.
const typeNames: Readonly<Record<number, string>> = {
  1: "double",
  3: "int64",
  5: "int32",
  8: "bool",
  9: "string",
  11: "message",
  12: "bytes",
};
const repeatedLabel = 3;

function* fieldsOf(bytes: Buffer): Generator<readonly [number, WireValue]> {
  for (const reader = new WireReader(bytes); reader.more;) yield reader.field();
}

const partsOf = (bytes: Buffer, number: number): readonly Buffer[] =>
  [...fieldsOf(bytes)].flatMap(([at, value]) => (at === number ? [bytesOf(value)] : []));

const nameIn = (bytes: Buffer, number = 1): string => partsOf(bytes, number)[0]?.toString() ?? "";

/** FieldDescriptorProto: 1 name, 3 number, 4 label, 5 type, 6 name of the message. */
function describedField(bytes: Buffer, maps: ReadonlySet<string>): DescribedField {
  const fields = new Map(fieldsOf(bytes));
  const text = (number: number): string => {
    const value = fields.get(number);
    return value === undefined ? "" : textOf(value);
  };
  const count = (number: number): number => {
    const value = fields.get(number);
    return value === undefined ? 0 : numberOf(value);
  };
  const isMap = maps.has(text(6));
  const shape = isMap ? "map" : count(4) === repeatedLabel ? "list" : "single";
  return { number: count(3), name: text(1), type: typeNames[count(5)] ?? "unknown", shape };
}

/** DescriptorProto: 1 name, 2 fields, 3 nested types; those of Kubernetes are entries of maps. */
function addMessage(bytes: Buffer, home: string, found: Map<string, readonly DescribedField[]>) {
  const name = `${home}.${nameIn(bytes)}`;
  const maps = new Set(partsOf(bytes, 3).map((nested) => `.${name}.${nameIn(nested)}`));
  found.set(
    name,
    partsOf(bytes, 2).map((field) => describedField(field, maps)),
  );
}

/**
 * FileDescriptorProto: 2 package, 4 messages, in this order. Where one follows the other in the program
 * without a gap they were unpacked as one.
 */
function addFiles(bytes: Buffer, found: Map<string, readonly DescribedField[]>): void {
  let home = "";
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 2) home = textOf(value);
    if (number === 4) addMessage(bytesOf(value), home, found);
  }
}

const gzipMagic = Buffer.from([0x1f, 0x8b, 0x08]);
const largestBytes = 200_000;

/** The file descriptor that begins here, if one does. */
function descriptorAt(program: Buffer, at: number): Buffer | undefined {
  try {
    const file = gunzipSync(program.subarray(at, at + largestBytes));
    return file[0] === 0x0a && nameIn(file).endsWith("generated.proto") ? file : undefined;
  } catch {
    return undefined; // other bytes that look alike
  }
}

/**
 * The messages that a program written in Go carries descriptions of: compressed, one for each
 * generated.proto of Kubernetes that is compiled into it.
 */
export function descriptorsIn(path: string): Descriptors {
  const program = readFileSync(path);
  const found = new Map<string, readonly DescribedField[]>();
  for (let at = program.indexOf(gzipMagic); at >= 0; at = program.indexOf(gzipMagic, at + 1)) {
    const file = descriptorAt(program, at);
    if (file === undefined) continue;
    addFiles(file, found);
  }
  return found;
}
