/** What Go's struct tags say of one field, by its number. */
export type TaggedField = {
  /** Its name in JSON; empty for a struct whose fields stand among those of its owner. */
  readonly jsonName: string;
  /** Whether JSON shows its zero value: a pointer that is set, or no `omitempty`. */
  readonly keepsZero: boolean;
};

/** Fields of one struct by number. */
export type TaggedType = ReadonlyMap<number, TaggedField>;

const structs = /^type (\w+) struct \{\n([\s\S]*?)^\}/gm;
const fields = /^\t(?:\w+\s+)?(\*?)[\w.[\]*]+[ \t]+`([^`]*)`/gm;

const tagOf = (tags: string, name: string): string =>
  new RegExp(`(?:^| )${name}:"([^"]*)"`).exec(tags)?.[1] ?? "";

function fieldOf(pointer: string, tags: string): [number, TaggedField] | undefined {
  const [, number, , ...rest] = tagOf(tags, "protobuf").split(",");
  const [name = "", ...options] = tagOf(tags, "json").split(",");
  if (number === undefined) return undefined;
  const inline = options.includes("inline");
  const wireName = rest.find((part) => part.startsWith("name="))?.slice("name=".length) ?? "";
  return [
    Number(number),
    {
      jsonName: inline ? "" : name === "" ? wireName : name,
      keepsZero: pointer === "*" || !options.includes("omitempty"),
    },
  ];
}

/** The structs of a Go source whose fields have numbers. */
export function taggedTypes(source: string): ReadonlyMap<string, TaggedType> {
  const found = new Map<string, TaggedType>();
  for (const [, name = "", body = ""] of source.matchAll(structs)) {
    const tagged = [...body.matchAll(fields)].flatMap(([, pointer = "", tags = ""]) => {
      const field = fieldOf(pointer, tags);
      return field === undefined ? [] : [field];
    });
    if (tagged.length > 0) found.set(name, new Map(tagged));
  }
  return found;
}
