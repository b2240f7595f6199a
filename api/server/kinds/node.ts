import { isConditionTrue, type Condition, findCondition } from "../../machinery/conditions.ts";
import type { Node } from "../../machinery/resources.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { fill, objectIn } from "./fill.ts";
import type { Column } from "./kind.ts";
import { validateNode } from "./node-validate.ts";

const wide = { priority: 1 };

function statusText(node: Node): string {
  const conditions = node.status?.conditions as readonly Condition[] | undefined;
  const known = findCondition(conditions, "Ready") !== undefined;
  const ready = isConditionTrue(conditions, "Ready") ? "Ready" : "NotReady";
  const text = known ? ready : "Unknown";
  return node.spec?.unschedulable === true ? `${text},SchedulingDisabled` : text;
}

const rolePrefix = "node-role.kubernetes.io/";

function rolesText({ metadata }: Node): string {
  const roles = new Set<string>();
  for (const [label, value] of Object.entries(metadata.labels ?? {})) {
    if (label.startsWith(rolePrefix) && label.length > rolePrefix.length) {
      roles.add(label.slice(rolePrefix.length));
    }
    if (label === "kubernetes.io/role" && value !== "") roles.add(value);
  }
  return roles.size === 0 ? "<none>" : [...roles].sort().join(",");
}

function address(node: Node, type: string): string {
  return node.status?.addresses?.find((candidate) => candidate.type === type)?.address ?? "<none>";
}

const info = (name: string, field: InfoField): Column =>
  column(name, (object) => (object as Node).status?.nodeInfo?.[field] || "<unknown>", wide);

type InfoField = "osImage" | "kernelVersion" | "containerRuntimeVersion";

/** core/v1 Node: one Docker host. Its agent registers it together with its status. */
export const nodeKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  namespaced: false,
  shortNames: ["no"],
  definition: "io.k8s.api.core.v1.Node",
  status: true,
  columns: [
    nameColumn,
    column("Status", (object) => statusText(object)),
    column("Roles", (object) => rolesText(object)),
    ageColumn,
    column("Version", (object) => (object as Node).status?.nodeInfo?.kubeletVersion ?? ""),
    column("Internal-IP", (object) => address(object, "InternalIP"), wide),
    column("External-IP", (object) => address(object, "ExternalIP"), wide),
    info("OS-Image", "osImage"),
    info("Kernel-Version", "kernelVersion"),
    info("Container-Runtime", "containerRuntimeVersion"),
  ],
  strategy: {
    setDefaults(object) {
      const status = objectIn(object, "status");
      // What nobody holds back can be given to pods.
      if (status?.["capacity"] !== undefined) fill(status, { allocatable: status["capacity"] });
    },
    validate: validateNode,
  },
  fields: {
    "spec.unschedulable": (object) => String((object as Node).spec?.unschedulable ?? false),
  },
};
