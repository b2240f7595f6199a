import { equalJson } from "../../machinery/equality.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { Item } from "../../store/item.ts";
import type { Revision } from "../../store/store.ts";
import type { Body, Kind, Strategy } from "./kind.ts";

/** What decides whether an item must be read anew. */
type Reading = {
  readonly version: string;
  readonly since: Revision;
  /** Versions with the same schema. */
  readonly sameAs: ReadonlySet<string>;
};

/**
 * Reads items that were stored under another schema as if they were written today: unknown fields
 * go and defaults come. Nearly all items are younger than the schema, and cost one comparison.
 */
export function rereader(
  strategy: Pick<Strategy, "prune" | "setDefaults">,
  { since, sameAs }: Reading,
): NonNullable<Kind["reread"]> {
  const known = new WeakMap<Item, AnyObject | "same">();
  const read = (item: Item): AnyObject | "same" => {
    const object = structuredClone(item.object) as unknown as Body;
    strategy.prune(object);
    strategy.setDefaults(object);
    return equalJson(object, item.object) ? "same" : (object as unknown as AnyObject);
  };
  return (item) => {
    if (item.at > since && sameAs.has(storedVersion(item))) return undefined;
    let object = known.get(item);
    if (object === undefined) {
      object = read(item);
      known.set(item, object);
    }
    return object === "same" ? undefined : object;
  };
}

const head = '{"apiVersion":"';

/** The version in the first field of the stored bytes, without parsing the rest. */
function storedVersion({ bytes }: Item): string {
  const end = bytes.indexOf('"', head.length);
  const apiVersion = bytes.toString("latin1", head.length, end);
  return apiVersion.slice(apiVersion.indexOf("/") + 1);
}
