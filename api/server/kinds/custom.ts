import type { Gvk } from "../../machinery/gvk.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { compileStructural } from "../schema/structural.ts";
import { compileJsonPath, scalarText } from "./json-path.ts";
import type { Kind, ScalePaths, Strategy, Subresource, Verb } from "./kind.ts";
import { type PrinterColumn, printerColumns } from "./printer-columns.ts";

/** apiextensions.k8s.io/v1 CustomResourceDefinitionSpec, defaults filled in. */
export type CrdSpec = {
  readonly group: string;
  readonly scope: "Namespaced" | "Cluster";
  readonly names: {
    readonly kind: string;
    readonly listKind?: string;
    readonly plural: string;
    readonly singular?: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  };
  readonly versions: readonly CrdVersion[];
};

/** One version of a custom resource. */
export type CrdVersion = {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema?: { readonly openAPIV3Schema?: JsonSchemaProps };
  readonly subresources?: { readonly status?: object; readonly scale?: ScalePaths };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
};

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

/**
 * The kinds that a CRD serves, one per served version; the storage version first.
 * @throws Error when a schema, a column or a selectable field does not compile
 */
export function customKinds(spec: CrdSpec): readonly Kind[] {
  const storageVersion = spec.versions.find(({ storage }) => storage)?.name ?? "";
  return spec.versions
    .filter(({ served }) => served)
    .sort((left, right) => Number(right.storage) - Number(left.storage))
    .map((version) => customKind(spec, version, storageVersion));
}

function customKind(
  { group, scope, names }: CrdSpec,
  version: CrdVersion,
  storageVersion: string,
): Kind {
  const { kind, plural } = names;
  const schema = version.schema?.openAPIV3Schema ?? {
    "x-kubernetes-preserve-unknown-fields": true,
  };
  const gvk: Gvk = { group, version: version.name, kind };
  const scale = version.subresources?.scale;
  return {
    ...gvk,
    plural,
    namespaced: scope === "Namespaced",
    singular: names.singular ?? kind.toLowerCase(),
    listKind: names.listKind ?? `${kind}List`,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: allVerbs,
    subresources: subresourcesOf(gvk, version),
    definition: definitionName(gvk),
    schema,
    strategy: customStrategy(schema, version.subresources?.status !== undefined),
    columns: printerColumns(version.additionalPrinterColumns),
    fields: selectableFields(version),
    patchTypes: ["json", "merge"],
    custom: true,
    generation: true,
    storageVersion,
    ...(scale === undefined ? {} : { scale }),
    ...deprecation(gvk, version),
  };
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
  return found;
}

function deprecation(gvk: Gvk, version: CrdVersion): Pick<Kind, "deprecation"> {
  if (version.deprecated !== true) return {};
  const { group, version: name, kind } = gvk;
  return { deprecation: version.deprecationWarning ?? `${group}/${name} ${kind} is deprecated` };
}

function selectableFields({ selectableFields: fields = [] }: CrdVersion): Kind["fields"] {
  return Object.fromEntries(
    fields.map(({ jsonPath }) => {
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
