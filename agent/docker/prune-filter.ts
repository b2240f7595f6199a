import { type DockerUrl, queryValue } from "../../api/machinery/docker/docker-url.ts";
import { badRequest, StatusError } from "../../api/machinery/errors.ts";
import { containerLabel } from "../../crds/labels.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

/** Old clients send `{"label":{"a":true}}`, new ones `{"label":["a"]}`. */
function readFilters(text: string): Filters {
  let value: unknown;
  try {
    value = JSON.parse(text === "" ? "{}" : text);
  } catch (cause) {
    throw badRequest("Cannot read the filters: they are not JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badRequest("Cannot read the filters: they must be an object");
  return Object.fromEntries(
    Object.entries(value as Readonly<Record<string, unknown>>).map(([name, wanted]) => {
      if (Array.isArray(wanted)) return [name, wanted.map(String)];
      const given = Object.entries((wanted ?? {}) as Readonly<Record<string, unknown>>);
      return [name, given.flatMap(([one, on]) => (on === true ? [one] : []))];
    }),
  );
}

/** By which label each kind is known to be ours. */
function ownLabel(pattern: string, cluster: string): string | undefined {
  // Replaced containers wait, stopped, for the way back: to anybody else they look like litter.
  if (pattern === "/containers/prune") return `${containerLabel.cluster}=${cluster}`;
  if (pattern === "/networks/prune") return containerLabel.cluster;
  return pattern === "/volumes/prune" ? containerLabel.podUid : undefined;
}

/** Whose plane it is, and whether the caller may override. */
export type PruneOptions = { readonly cluster: string; readonly override: boolean };

/**
 * A prune that leaves alone what is ours, whoever asks: even an administrator means litter by it.
 * @throws StatusError `BadRequest` for a `label!` of the caller's own: Docker spares only what matches
 *   all of them, so ours would count no more; `Forbidden` for images, whose labels are not ours
 */
export function keepOurs(
  url: DockerUrl,
  pattern: string,
  { cluster, override }: PruneOptions,
): DockerUrl {
  if (pattern === "/images/prune" && !override)
    throw new StatusError(
      "Forbidden",
      "Cannot prune images: earlier Revisions need theirs for the way back; remove single ones with docker rmi, or get the right to override nodes/docker-write of this node",
    );
  const label = ownLabel(pattern, cluster);
  if (label === undefined) return url;
  const filters = readFilters(queryValue(url.query, "filters") ?? "");
  if ((filters["label!"] ?? []).length > 0)
    throw badRequest('Cannot prune with a filter "label!": Lighthouse spares its own by that one');
  const query = url.query.filter(([name]) => name !== "filters");
  const safe = JSON.stringify({ ...filters, "label!": [label] });
  return { ...url, query: [...query, ["filters", safe]] };
}
