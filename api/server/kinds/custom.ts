import { equalJson } from "../../machinery/equality.ts";
import type { Gvk } from "../../machinery/gvk.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { compareVersions } from "../../machinery/version-order.ts";
import type { CrdNames, CrdSpec, CrdVersion } from "../crds/crd.ts";
import type { Revision } from "../../store/store.ts";
import { compileStructural } from "../schema/structural.ts";
import { compileJsonPath, scalarText } from "./json-path.ts";
import type { Kind, Strategy, Subresource, Verb } from "./kind.ts";
import { opensDoors, passwordParts } from "../identity/password-part.ts";
import { beaconParts } from "../tunnel/beacon-part.ts";
import { rolloutParts } from "../rollouts/parts.ts";
import { printerColumns } from "./printer-columns.ts";
import { rereader } from "./reread.ts";

/** Verbs of everything that has no reason to refuse one. */
export const allVerbs: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];
const partVerbs: readonly Verb[] = ["get", "patch", "update"];

/** What a Scale endpoint speaks. */
export const scaleGvk: Gvk = { group: "autoscaling", version: "v1", kind: "Scale" };

/** What of a CRD's state its kinds depend on, besides its spec. */
export type CustomOptions = {
  /** The names that were given; absent: those of the spec. */
  readonly names?: CrdNames;
  /** Whether the CRD is being deleted: nothing can be made or changed any more. */
  readonly terminating?: boolean;
  /**
   * Revision since which the schemas are what they are, or an earlier one is not known. Objects
   * that were written before it are read anew by them. Absent: no object is that old.
   */
  readonly since?: Revision;
};

/**
 * The kinds that a CRD serves, one per served version; the preferred version first.
 * @throws Error when a schema, a column or a selectable field does not compile
 */
export function customKinds(spec: CrdSpec, options: CustomOptions = {}): readonly Kind[] {
  const storageVersion = spec.versions.find(({ storage }) => storage)?.name ?? "";
  return spec.versions
    .filter(({ served }) => served)
    .sort((left, right) => compareVersions(left.name, right.name))
    .map((version) => customKind(spec, version, { ...options, storageVersion }));
}

/** What may still be done with objects whose CRD is on its way out; updates take finalizers off. */
function verbsOf(terminating: boolean): Pick<Kind, "verbs" | "unservedReason"> {
  if (!terminating) return { verbs: allVerbs };
  const unservedReason = "create not allowed while custom resource definition is terminating";
  return { verbs: allVerbs.filter((verb) => verb !== "create"), unservedReason };
}

function customKind(
  spec: CrdSpec,
  version: CrdVersion,
  options: CustomOptions & { readonly storageVersion: string },
): Kind {
  const { group, scope } = spec;
  const { names = spec.names, terminating = false, since = 0, storageVersion } = options;
  const { kind } = names;
  const schema = version.schema?.openAPIV3Schema ?? {
    "x-kubernetes-preserve-unknown-fields": true,
  };
  const gvk: Gvk = { group, version: version.name, kind };
  const hasStatus = version.subresources?.status !== undefined;
  const strategy = customStrategy(schema, hasStatus);
  const sameAs = versionsWithSchema(spec, version);
  const scale = version.subresources?.scale;
  return {
    ...gvk,
    ...namesOf(names),
    namespaced: scope === "Namespaced",
    ...verbsOf(terminating),
    subresources: subresourcesOf(gvk, version),
    definition: definitionName(gvk),
    schema,
    strategy,
    reread: rereader(strategy, { version: version.name, since, sameAs }),
    columns: printerColumns(version.additionalPrinterColumns),
    fields: selectableFields(version),
    patchTypes: ["json", "merge", "apply"],
    custom: true,
    generation: true,
    storageVersion,
    settles: opensDoors(gvk),
    ...(scale === undefined ? {} : { scale }),
    ...deprecation(gvk, version),
  };
}

type Names = Pick<Kind, "plural" | "singular" | "listKind" | "shortNames" | "categories">;

function namesOf({ kind, plural, ...names }: CrdNames): Names {
  const { singular = kind.toLowerCase(), listKind = `${kind}List` } = names;
  return {
    plural,
    singular,
    listKind,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
  };
}

/** The versions whose objects need no second look when they are read as those of `version`. */
function versionsWithSchema({ versions }: CrdSpec, { schema }: CrdVersion): ReadonlySet<string> {
  const same = versions.filter((other) => equalJson(other.schema, schema));
  return new Set(same.map(({ name }) => name));
}

/** `dev.lighthouse.v1.Application`: the group backwards, as OpenAPI documents name it. */
function definitionName({ group, version, kind }: Gvk): string {
  return [...group.split(".").reverse(), version, kind].join(".");
}

function subresourcesOf(gvk: Gvk, { subresources }: CrdVersion): readonly Subresource[] {
  const found: Subresource[] = [];
  if (subresources?.status !== undefined) {
    found.push({ name: "status", responseKind: gvk, verbs: partVerbs });
  }
  if (subresources?.scale !== undefined) {
    found.push({ name: "scale", responseKind: scaleGvk, verbs: partVerbs });
  }
  return [...found, ...rolloutParts(gvk), ...beaconParts(gvk), ...passwordParts(gvk)];
}

function deprecation(gvk: Gvk, version: CrdVersion): Pick<Kind, "deprecation"> {
  if (version.deprecated !== true) return {};
  const { group, version: name, kind } = gvk;
  return { deprecation: version.deprecationWarning ?? `${group}/${name} ${kind} is deprecated` };
}

function selectableFields({ selectableFields: fields = [] }: CrdVersion): Kind["fields"] {
  return Object.fromEntries(
    fields.map(({ jsonPath = "" }) => {
      const read = compileJsonPath(jsonPath);
      const text = (object: AnyObject): string => scalarText(read(object)[0]) ?? "";
      return [jsonPath.replace(/^\./, ""), text];
    }),
  );
}

function customStrategy(schema: JsonSchemaProps, hasStatus: boolean): Strategy {
  const compiled = compileStructural(schema);
  return {
    prune: (object) => compiled.prune(object),
    setDefaults: (object) => compiled.setDefaults(object),
    prepareCreate(object) {
      if (hasStatus) delete object["status"];
    },
    prepareUpdate() {}, // nothing beyond what the registry keeps for every kind
    validate: (object, before) => compiled.validate(object, before),
  };
}
