import type { AnyObject } from "../../machinery/object.ts";
import { rbacGroup } from "../authz/policy.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageColumn, column, createdAtColumn, nameColumn } from "./columns.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { Column } from "./kind.ts";
import {
  bindingCauses,
  clusterRoleCauses,
  pathSegmentProblems,
  roleCauses,
  setBindingDefaults,
} from "./rbac-validate.ts";

const common = {
  group: rbacGroup,
  version: "v1",
  nameProblems: pathSegmentProblems,
} as const;

/** rbac.authorization.k8s.io/v1 Role. */
export const roleKind: BuiltIn = {
  ...common,
  kind: "Role",
  plural: "roles",
  namespaced: true,
  definition: "io.k8s.api.rbac.v1.Role",
  columns: [nameColumn, createdAtColumn],
  strategy: { validate: roleCauses },
};

/** rbac.authorization.k8s.io/v1 ClusterRole. */
export const clusterRoleKind: BuiltIn = {
  ...common,
  kind: "ClusterRole",
  plural: "clusterroles",
  namespaced: false,
  definition: "io.k8s.api.rbac.v1.ClusterRole",
  columns: [nameColumn, createdAtColumn],
  strategy: { validate: clusterRoleCauses },
};

/** The names of the subjects of one kind; ServiceAccounts with their namespace. */
function subjectsColumn(title: string, kind: string): Column {
  const names = (object: AnyObject): string =>
    objectsIn(object, "subjects")
      .filter((subject) => textIn(subject, "kind") === kind)
      .map((subject) => {
        const name = textIn(subject, "name");
        return kind === "ServiceAccount" ? `${textIn(subject, "namespace")}/${name}` : name;
      })
      .join(", ");
  return column(title, names, { priority: 1, description: `${title} in the roleBinding` });
}

const bindingColumns: readonly Column[] = [
  nameColumn,
  column("Role", (object) => {
    const ref = objectIn(object, "roleRef");
    return `${textIn(ref, "kind")}/${textIn(ref, "name")}`;
  }),
  ageColumn,
  subjectsColumn("Users", "User"),
  subjectsColumn("Groups", "Group"),
  subjectsColumn("ServiceAccounts", "ServiceAccount"),
];

/** rbac.authorization.k8s.io/v1 RoleBinding. */
export const roleBindingKind: BuiltIn = {
  ...common,
  kind: "RoleBinding",
  plural: "rolebindings",
  namespaced: true,
  definition: "io.k8s.api.rbac.v1.RoleBinding",
  columns: bindingColumns,
  strategy: {
    setDefaults: setBindingDefaults,
    validate: (object, before) => bindingCauses(object, before, true),
  },
};

/** rbac.authorization.k8s.io/v1 ClusterRoleBinding. */
export const clusterRoleBindingKind: BuiltIn = {
  ...common,
  kind: "ClusterRoleBinding",
  plural: "clusterrolebindings",
  namespaced: false,
  definition: "io.k8s.api.rbac.v1.ClusterRoleBinding",
  columns: bindingColumns,
  strategy: {
    setDefaults: setBindingDefaults,
    validate: (object, before) => bindingCauses(object, before, false),
  },
};
