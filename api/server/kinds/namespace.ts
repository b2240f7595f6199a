import { labelNameProblems } from "../../machinery/names.ts";
import type { Namespace } from "../../machinery/resources.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { allVerbs } from "./custom.ts";
import { childOf } from "./fill.ts";
import type { Body } from "./kind.ts";

/** Holds a deleted Namespace until its contents are gone; the namespace controller removes it. */
export const namespaceFinalizer = "kubernetes";

/** The label by which selectors find a Namespace by name. */
const nameLabel = "kubernetes.io/metadata.name";

function labelWithName({ metadata }: Body): void {
  const { name = "", labels } = metadata;
  metadata.labels = { ...labels, [nameLabel]: name };
}

const phaseOf = (object: object): string => (object as Namespace).status?.phase ?? "";

/** core/v1 Namespace. */
export const namespaceKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  namespaced: false,
  shortNames: ["ns"],
  definition: "io.k8s.api.core.v1.Namespace",
  status: true,
  subresources: [
    {
      name: "finalize",
      responseKind: { group: "", version: "v1", kind: "Namespace" },
      verbs: ["update"],
    },
  ],
  verbs: allVerbs.filter((verb) => verb !== "deletecollection"),
  columns: [nameColumn, column("Status", phaseOf), ageColumn],
  fields: { "status.phase": phaseOf },
  nameProblems: labelNameProblems,
  prepareDelete(object) {
    childOf(object, "status")["phase"] = "Terminating";
  },
  holdsDeletion: (object) => ((object as Namespace).spec?.finalizers ?? []).length > 0,
  strategy: {
    setDefaults: labelWithName,
    prepareCreate(object) {
      object["spec"] = { finalizers: [namespaceFinalizer] };
      object["status"] = { phase: "Active" };
    },
    prepareUpdate(object, before) {
      // Only PUT …/finalize may change what holds a Namespace.
      object["spec"] = before["spec"] ?? {};
    },
  },
};
