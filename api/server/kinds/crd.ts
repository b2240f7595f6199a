import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatTime } from "../../machinery/time.ts";
import { schemaCauses } from "../schema/schema-check.ts";
import type { BuiltIn } from "./built-in.ts";
import { createdAtColumn, nameColumn } from "./columns.ts";
import { type CrdSpec, customKinds } from "./custom.ts";
import { childOf, fill, isObject, objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

/** apiextensions.k8s.io/v1 CustomResourceDefinition, as far as the server reads it. */
export type Crd = AnyObject & { readonly spec: CrdSpec };

function setDefaults(object: Body): void {
  const spec = objectIn(object, "spec");
  if (spec === undefined) return;
  const names = childOf(spec, "names");
  const kind = textIn(names, "kind");
  fill(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
  fill(spec, { conversion: { strategy: "None" } });
}

/** Names are accepted and served at once: there is one server, or all read the same store. */
function accept(object: Body, nowMs: number): void {
  const spec = objectIn(object, "spec");
  const lastTransitionTime = formatTime(nowMs);
  const condition = (type: string, reason: string, message: string): JsonObject => ({
    type,
    status: "True",
    lastTransitionTime,
    reason,
    message,
  });
  const storage = objectsIn(spec, "versions").find((version) => version["storage"] === true);
  object["status"] = {
    acceptedNames: spec?.["names"],
    conditions: [
      condition("NamesAccepted", "NoConflicts", "no conflicts found"),
      condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ],
    storedVersions: [textIn(storage, "name")],
  };
}

function validate(object: Body): readonly StatusCause[] {
  const spec = objectIn(object, "spec");
  if (spec === undefined) return [requiredValue("spec")];
  const names = objectIn(spec, "names");
  const group = textIn(spec, "group");
  const causes: StatusCause[] = [];
  if (group === "") causes.push(requiredValue("spec.group"));
  for (const field of ["plural", "kind"]) {
    if (textIn(names, field) === "") causes.push(requiredValue(`spec.names.${field}`));
  }
  const wanted = `${textIn(names, "plural")}.${group}`;
  const { name = "" } = object.metadata;
  if (name !== wanted) {
    const detail = 'must be spec.names.plural+"."+spec.group';
    causes.push(invalidValue("metadata.name", name, detail));
  }
  causes.push(...scopeCauses(spec), ...versionCauses(spec));
  return causes.length > 0 ? causes : compileCauses(object);
}

function scopeCauses({ scope }: JsonObject): readonly StatusCause[] {
  if (scope === "Namespaced" || scope === "Cluster") return [];
  return [invalidValue("spec.scope", scope ?? "", 'must be "Cluster" or "Namespaced"')];
}

function versionCauses(spec: JsonObject): readonly StatusCause[] {
  const versions = objectsIn(spec, "versions");
  const stored = versions.filter(({ storage }) => storage === true);
  const causes: StatusCause[] = [];
  if (versions.length === 0) causes.push(requiredValue("spec.versions"));
  else if (stored.length !== 1) {
    const detail = "must have exactly one version marked as storage version";
    causes.push(invalidValue("spec.versions", stored.length, detail));
  }
  for (const [index, { schema }] of versions.entries()) {
    const path = `spec.versions[${index}].schema.openAPIV3Schema`;
    const whole = isObject(schema) ? objectIn(schema, "openAPIV3Schema") : undefined;
    if (whole === undefined) causes.push(requiredValue(path, "schemas are required"));
    else causes.push(...schemaCauses(whole, path));
  }
  return causes;
}

function compileCauses(object: Body): readonly StatusCause[] {
  try {
    customKinds((object as unknown as Crd).spec);
    return [];
  } catch (err) {
    const detail = err instanceof Error ? err.message : "cannot be compiled";
    return [invalidValue("spec.versions", textIn(objectIn(object, "spec"), "group"), detail)];
  }
}

/** Whether a CRD's kinds are served. */
export function isEstablished(crd: AnyObject): boolean {
  const { status } = crd;
  if (!isObject(status)) return false;
  return objectsIn(status, "conditions").some(
    ({ type, status: is }) => type === "Established" && is === "True",
  );
}

/** apiextensions.k8s.io/v1 CustomResourceDefinition. `now` stamps its conditions. */
export function crdKind(now: () => number): BuiltIn {
  return {
    group: "apiextensions.k8s.io",
    version: "v1",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    namespaced: false,
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    definition: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    status: true,
    generation: true,
    columns: [nameColumn, createdAtColumn],
    strategy: {
      setDefaults,
      prepareCreate: (object) => accept(object, now()),
      validate,
    },
  };
}
