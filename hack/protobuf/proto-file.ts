/** One field of a message. */
export type ProtoField = {
  readonly number: number;
  readonly name: string;
  /** A scalar such as `int64`, or the full name of a message, e.g. `k8s.io.api.core.v1.Pod`. */
  readonly type: string;
  readonly shape: "single" | "list" | "map";
};

/** Messages by their full names. */
export type ProtoMessages = ReadonlyMap<string, readonly ProtoField[]>;

const scalars = new Set(["string", "bytes", "bool", "int32", "int64", "double"]);

/** Whether a type is not a message. */
export const isScalar = (type: string): boolean => scalars.has(type);

const field = /^ {2}(optional|repeated|map<string, ?([\w.]+)>) (?:([\w.]+) )?(\w+) = (\d+)/gm;

/** Reads the messages of a generated.proto: no nesting, no enumerations, no services. */
export function protoMessages(source: string): ProtoMessages {
  const home = /^package ([\w.]+);/m.exec(source)?.[1] ?? "";
  const resolve = (type: string): string =>
    isScalar(type) ? type : type.startsWith(".") ? type.slice(1) : `${home}.${type}`;
  const found = new Map<string, readonly ProtoField[]>();
  for (const [, name = "", body = ""] of source.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const own = [...body.matchAll(field)].map(
      ([, label, value, type, fieldName = "", number]): ProtoField => ({
        number: Number(number),
        name: fieldName,
        type: resolve(value ?? type ?? ""),
        shape: value === undefined ? (label === "repeated" ? "list" : "single") : "map",
      }),
    );
    found.set(`${home}.${name}`, own);
  }
  return found;
}
