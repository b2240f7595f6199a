import { readFileSync } from "node:fs";

/** How one field is read. */
export type Field = {
  /** Its name in JSON; `.` when it stands for the whole value of its message. */
  readonly name: string;
  readonly shape: "single" | "list" | "map";
  /** A scalar such as `int64`, or the name of a definition, e.g. `io.k8s.api.core.v1.PodSpec`. */
  readonly type: string;
  /** JSON shows an explicit zero: a pointer in Go, or a field that is never left out. */
  readonly keepsZero: boolean;
  /** Its fields stand among those of the message that holds it. */
  readonly inline: boolean;
};

/** Fields of a message by their numbers. */
export type Message = ReadonlyMap<number, Field>;

/** All messages that a body may consist of. */
export interface FieldTable {
  /** Name of the definition of a kind; `undefined` when it cannot be sent as protobuf. */
  definitionOf(apiVersion: string, kind: string): string | undefined;
  /** `undefined` for scalars, and for types that are read by hand-written code. */
  message(definition: string): Message | undefined;
}

type Source = {
  readonly kinds: Readonly<Record<string, string>>;
  readonly messages: Readonly<Record<string, readonly string[]>>;
};

/** Reads `5 immutable *bool`, as update-protobuf-fields.ts writes it. */
function parseField(text: string): [number, Field] {
  const [, number, name = "", prefix = "", type = ""] =
    /^(\d+) (\S+) (\[\]|\{\}|\*|<|)(\S+)$/.exec(text) ?? [];
  const shape = prefix === "[]" ? "list" : prefix === "{}" ? "map" : "single";
  const inline = prefix === "<";
  return [Number(number), { name, shape, type, keepsZero: prefix === "*", inline }];
}

/** Kinds that have the same shape in every version, or in every group. */
const versionOfShape = new Map([
  ["DeleteOptions", "v1"],
  ["Eviction", "policy/v1"],
  ["SelfSubjectReview", "authentication.k8s.io/v1"],
]);

function readTable(): FieldTable {
  const text = readFileSync(new URL("fields.gen.json", import.meta.url), "utf8");
  const { kinds, messages } = JSON.parse(text) as Source;
  const definitions = new Map(Object.entries(kinds));
  const sources = new Map(Object.entries(messages));
  const parsed = new Map<string, Message>();
  return {
    definitionOf(apiVersion, kind) {
      return definitions.get(`${versionOfShape.get(kind) ?? apiVersion} ${kind}`);
    },
    message(definition) {
      const known = parsed.get(definition);
      const source = sources.get(definition);
      if (known !== undefined || source === undefined) return known;
      const message = new Map(source.map(parseField));
      parsed.set(definition, message);
      return message;
    },
  };
}

let table: FieldTable | undefined;

/** The generated table; read when the first such body arrives, as many servers never get one. */
export function fieldTable(): FieldTable {
  table ??= readTable();
  return table;
}
