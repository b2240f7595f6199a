import { type Collection, collectionPrefix } from "../../store/keys.ts";
import { hiddenCollections, sessionCollection } from "../identity/collections.ts";

/** What is always encrypted: everything that lets its reader be somebody else. */
const always: readonly Collection[] = [
  // With them: bootstrap tokens, ServiceAccount tokens, registry logins.
  { group: "", plural: "secrets" },
  sessionCollection,
  ...hiddenCollections,
];

function collectionOf(resource: string): Collection {
  const [plural = "", ...group] = resource.split(".");
  return { group: group.join("."), plural };
}

/** Store prefixes of what is encrypted; `resources` are further ones, `PLURAL` or `PLURAL.GROUP`. */
export function protectedPrefixes(resources: readonly string[]): readonly string[] {
  return [...always, ...resources.map(collectionOf)].map((one) => collectionPrefix(one));
}
