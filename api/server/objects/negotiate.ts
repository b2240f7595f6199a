import { notAcceptable } from "../../machinery/errors.ts";

/** In which form an answer is wanted. */
export type Rendering = {
  readonly as: "Object" | "Table" | "PartialObjectMetadata";
  /** Version of meta.k8s.io for the last two. */
  readonly version: "v1" | "v1beta1";
};

const plain: Rendering = { as: "Object", version: "v1" };
const known = new Map<string, Rendering | null>();
const maxKnown = 200;

const jsonTypes = new Set(["*/*", "application/*", "application/json"]);

/**
 * The same for a kind that has no tables and no partial form: only plain objects are served.
 * @throws StatusError `NotAcceptable` when the header asks for other forms only
 */
export function negotiatePlain(accept: string | undefined): Rendering {
  const ranges = (accept ?? "").split(",").filter((range) => !/;\s*as=[^;]/.test(range));
  if (accept !== undefined && accept !== "" && ranges.length === 0) throw nothingServed();
  return negotiate(ranges.join(","));
}

/**
 * The first form of an Accept header that we can serve, by quality and then by order.
 * @throws StatusError `NotAcceptable` when there is none.
 */
export function negotiate(accept: string | undefined): Rendering {
  if (accept === undefined || accept === "") return plain;
  let found = known.get(accept);
  if (found === undefined) {
    found = firstServed(accept) ?? null;
    if (known.size >= maxKnown) known.clear(); // clients send few forms; an attacker may send many
    known.set(accept, found);
  }
  if (found === null) throw nothingServed();
  return found;
}

function nothingServed(): Error {
  return notAcceptable("only the following media types are accepted: application/json");
}

function firstServed(accept: string): Rendering | undefined {
  return accept
    .split(",")
    .map(parseRange)
    .sort((left, right) => right.quality - left.quality)
    .map(renderingOf)
    .find((rendering) => rendering !== undefined);
}

type Range = { readonly type: string; readonly quality: number; readonly params: Params };
type Params = ReadonlyMap<string, string>;

function parseRange(text: string): Range {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const params = new Map(
    rest.map((part): [string, string] => {
      const equals = part.indexOf("=");
      return equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
    }),
  );
  const quality = Number(params.get("q") ?? "1");
  return { type: type.toLowerCase(), quality: Number.isNaN(quality) ? 0 : quality, params };
}

function renderingOf({ type, quality, params }: Range): Rendering | undefined {
  if (quality === 0 || !jsonTypes.has(type)) return undefined;
  const as = params.get("as");
  if (as === undefined || as === "") return plain;
  const version = params.get("v");
  if (params.get("g") !== "meta.k8s.io") return undefined;
  if (version !== "v1" && version !== "v1beta1") return undefined;
  if (as === "Table") return { as, version };
  // Clients ask for the list form on lists and for the single form on objects and watches.
  if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") {
    return { as: "PartialObjectMetadata", version };
  }
  return undefined;
}
