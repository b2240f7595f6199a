import type { StatusCause } from "../../machinery/errors.ts";
import { requiredValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatTime } from "../../machinery/time.ts";
import { cleanupFinalizer, type Crd, type CrdStatus, withCondition } from "../crds/crd.ts";
import { crdCauses } from "../crds/crd-validate.ts";
import { nameStatus } from "../crds/naming.ts";
import type { BuiltIn } from "./built-in.ts";
import { createdAtColumn, nameColumn } from "./columns.ts";
import { childOf, fill, isObject, objectIn, textIn } from "./fill.ts";
import type { Body } from "./kind.ts";

/** What the kind of all CRDs must know of the world. */
export type CrdWorld = {
  /** Milliseconds since 1970: stamps conditions. */
  readonly now: () => number;
  /** All CRDs as they are stored now: names are given once per group. */
  readonly crds: () => readonly Crd[];
};

function setDefaults(object: Body): void {
  const spec = objectIn(object, "spec");
  if (spec === undefined) return;
  const names = childOf(spec, "names");
  const kind = textIn(names, "kind");
  if (textIn(names, "singular") === "") names["singular"] = kind.toLowerCase();
  if (textIn(names, "listKind") === "" && kind !== "") names["listKind"] = `${kind}List`;
  fill(spec, { conversion: { strategy: "None" } });
  if (!Array.isArray(spec["versions"])) spec["versions"] = [];
}

/** Versions that objects may be stored in: every storage version stays until it is taken off. */
function storedVersions({ spec, status }: Pick<Crd, "spec" | "status">): readonly string[] {
  const { storedVersions: stored = [] } = status ?? {};
  const storage = spec.versions.find((version) => version.storage)?.name;
  return storage === undefined || stored.includes(storage) ? stored : [...stored, storage];
}

const isReadable = (object: Body): boolean => isObject(object["spec"]);

function writeStatus(object: Body, status: CrdStatus | undefined, world: CrdWorld): void {
  const { spec } = object as unknown as Crd;
  const stored = storedVersions({ spec, ...(status === undefined ? {} : { status }) });
  const kept: CrdStatus = { ...status, storedVersions: stored };
  const { name } = object.metadata;
  const others = world
    .crds()
    .filter((crd) => crd.spec.group === spec.group && crd.metadata.name !== name);
  // Names are given here and not later, so that a kind is served when its CRD's answer is sent.
  object["status"] = nameStatus({ spec, status: kept }, others, formatTime(world.now()));
}

function validate(object: Body, before?: AnyObject): readonly StatusCause[] {
  if (!isReadable(object)) return [requiredValue("spec")];
  return crdCauses(object as unknown as Crd, before as Crd | undefined);
}

/** Objects go first: the finalizer holds the CRD until none is left. */
function prepareDelete(object: Body, now: string): void {
  const { metadata } = object;
  const { finalizers = [] } = metadata;
  if (!finalizers.includes(cleanupFinalizer))
    metadata.finalizers = [...finalizers, cleanupFinalizer];
  const status = (object["status"] ?? {}) as CrdStatus;
  const pending = {
    type: "Terminating",
    status: "True",
    reason: "InstanceDeletionPending",
    message:
      "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
  };
  object["status"] = {
    ...status,
    conditions: withCondition(status.conditions ?? [], pending, now),
  };
}

/** apiextensions.k8s.io/v1 CustomResourceDefinition. */
export function crdKind(world: CrdWorld): BuiltIn {
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
    settles: true,
    columns: [nameColumn, createdAtColumn],
    prepareDelete: (object) => prepareDelete(object, formatTime(world.now())),
    strategy: {
      setDefaults,
      prepareCreate(object) {
        delete object["status"];
        if (isReadable(object)) writeStatus(object, undefined, world);
      },
      prepareUpdate(object, before) {
        if (isReadable(object)) writeStatus(object, (before as Crd).status, world);
      },
      validate,
    },
  };
}
