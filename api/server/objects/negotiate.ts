import { notAcceptable, type StatusError } from "../../machinery/errors.ts";

/** How an answer is written. */
export type Format = "json" | "yaml";

/** In which form an answer is wanted. */
export type Rendering = {
  readonly as: "Object" | "Table" | "PartialObjectMetadata";
  /** Version of meta.k8s.io for the last two. */
  readonly version: "v1" | "v1beta1";
  readonly format: Format;
};

/** What an endpoint can answer with. */
export type Offer = {
  /** Whether its objects can be shown as rows and by their metadata: those of reviews cannot. */
  readonly tables: boolean;
  /** A stream of events: YAML has no way to tell where one ends. */
  readonly stream: boolean;
};

/** Media types of answers. */
export const formatMediaTypes: Readonly<Record<Format, string>> = {
  json: "application/json",
  yaml: "application/yaml",
};

const plain: Rendering = { as: "Object", version: "v1", format: "json" };
const formats = new Map<string, Format>([
  ["*/*", "json"],
  ["application/*", "json"],
  ["application/json", "json"],
  ["application/yaml", "yaml"],
]);

// One for each offer.
const known = [0, 1, 2, 3].map(() => new Map<string, Rendering | null>());
const maxKnown = 200;

/**
 * The first form of an Accept header that we can serve, by quality, then the more exact type first,
 * then by order. Objects are always to be had; a header that asks for nothing else but forms
 * that the kind does not have is refused.
 * @throws StatusError `NotAcceptable` when there is none.
 */
export function negotiate(accept: string | undefined, offer: Offer): Rendering {
  if (accept === undefined || accept === "") return plain;
  const cache = known[(offer.tables ? 1 : 0) + (offer.stream ? 2 : 0)];
  let found = cache?.get(accept);
  if (found === undefined) {
    found = firstServed(accept, offer) ?? null;
    if (cache?.size === maxKnown) cache.clear(); // clients send few forms; an attacker may send many
    cache?.set(accept, found);
  }
  if (found === null) throw nothingServed(offer);
  return found;
}

function nothingServed({ stream }: Offer): StatusError {
  const types = stream ? ["application/json;stream=watch"] : Object.values(formatMediaTypes);
  return notAcceptable(`only the following media types are accepted: ${types.join(", ")}`);
}

function firstServed(accept: string, offer: Offer): Rendering | undefined {
  return accept
    .split(",")
    .map(parseRange)
    .sort((left, right) => right.quality - left.quality || left.wildcards - right.wildcards)
    .map((range) => renderingOf(range, offer))
    .find((rendering) => rendering !== undefined);
}

type Range = {
  readonly type: string;
  readonly quality: number;
  readonly wildcards: number;
  readonly params: ReadonlyMap<string, string>;
};

function parseRange(text: string): Range {
  const [first = "", ...rest] = text.split(";").map((part) => part.trim());
  const type = first.toLowerCase();
  const params = new Map(
    rest.map((part): [string, string] => {
      const equals = part.indexOf("=");
      return equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
    }),
  );
  const given = Number(params.get("q") ?? "1");
  const quality = Number.isNaN(given) ? 0 : given;
  return { type, quality, wildcards: type.split("*").length, params };
}

function renderingOf({ type, quality, params }: Range, offer: Offer): Rendering | undefined {
  const format = quality === 0 ? undefined : formats.get(type);
  if (format === undefined || (offer.stream && format !== "json")) return undefined;
  if ((params.get("as") ?? "") === "") return { ...plain, format };
  const form = offer.tables ? formOf(params) : undefined;
  return form && { ...form, format };
}

// Clients ask for the list form on lists and for the single form on objects and watches.
const forms = new Map<string | undefined, Rendering["as"]>([
  ["Table", "Table"],
  ["PartialObjectMetadata", "PartialObjectMetadata"],
  ["PartialObjectMetadataList", "PartialObjectMetadata"],
]);

function formOf(params: Range["params"]): Omit<Rendering, "format"> | undefined {
  const as = forms.get(params.get("as"));
  const version = params.get("v");
  if (as === undefined || params.get("g") !== "meta.k8s.io") return undefined;
  return version === "v1" || version === "v1beta1" ? { as, version } : undefined;
}
