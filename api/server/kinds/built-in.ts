import type { Gvk } from "../../machinery/gvk.ts";
import { defaultColumns } from "./columns.ts";
import { allVerbs } from "./custom.ts";
import type { Body, Kind, Strategy, Subresource, Verb } from "./kind.ts";

/** What a built-in kind differs in from the plainest one. */
export type BuiltIn = Gvk & {
  readonly plural: string;
  readonly namespaced: boolean;
  readonly definition: string;
} & Partial<
    Pick<
      Kind,
      | "shortNames"
      | "categories"
      | "columns"
      | "rowConditions"
      | "fields"
      | "generation"
      | "nameProblems"
      | "prepareDelete"
      | "holdsDeletion"
      | "graceSeconds"
      | "verbs"
      | "virtual"
      | "settles"
      | "keptWith"
      | "view"
      | "unservedReason"
      | "schema"
    >
  > & {
    readonly strategy?: Partial<Strategy>;
    /** Whether it has a status with an endpoint of its own. */
    readonly status?: boolean;
    readonly subresources?: readonly Subresource[];
  };

/** How unknown fields of built-in kinds are found: by the name of their definition. */
export type BuiltInSchemas = {
  /** Removes unknown fields in place and returns their paths. */
  prune(definition: string, object: Body): readonly string[];
};

const statusVerbs: readonly Verb[] = ["get", "patch", "update"];

/** Completes a built-in kind. */
export function builtIn(what: BuiltIn, schemas: BuiltInSchemas): Kind {
  const { strategy = {}, status = false, subresources = [], ...rest } = what;
  const { group, version, kind } = what;
  const gvk: Gvk = { group, version, kind };
  const statusPart: Subresource = { name: "status", responseKind: gvk, verbs: statusVerbs };
  return {
    shortNames: [],
    categories: [],
    columns: defaultColumns,
    fields: {},
    generation: false,
    verbs: allVerbs,
    ...rest,
    singular: kind.toLowerCase(),
    listKind: `${kind}List`,
    subresources: status ? [statusPart, ...subresources] : subresources,
    patchTypes: ["json", "merge", "strategic", "apply"],
    custom: false,
    storageVersion: version,
    strategy: { ...plainStrategy, prune: pruner(what.definition, schemas), ...strategy },
  };
}

const plainStrategy: Omit<Strategy, "prune"> = {
  setDefaults() {}, // most kinds have none
  prepareCreate() {}, // nothing beyond what the registry stamps
  prepareUpdate() {}, // nothing beyond what the registry keeps
  validate: () => [],
};

function pruner(definition: string, schemas: BuiltInSchemas): Strategy["prune"] {
  return (object) => schemas.prune(definition, object);
}
