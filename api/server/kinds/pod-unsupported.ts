import { unsupportedFields } from "../../../crds/unsupported.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import { forbiddenValue } from "../../machinery/field-causes.ts";
import { equalJson } from "../../machinery/equality.ts";
import { isObject } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

/** A field of a Pod that is refused, unless it says what happens anyhow. */
export type RefusedField = {
  /** Path below `spec`; `[]` is any item of a list. */
  readonly path: string;
  /** Ends a sentence. */
  readonly reason: string;
  /** Values that ask for nothing but what every Pod gets. */
  readonly harmless: readonly unknown[];
};

const bare = "use an Application, or put the pod on a node yourself with nodeSelector or nodeName";
const noPreemption = "no pod is ever ended to make room for another";

/** Reasons that differ for a Pod: those of the table speak of Applications. */
const reasons: Readonly<Record<string, string>> = {
  preemptionPolicy: noPreemption,
  schedulingGates: "create the pod when it may be scheduled",
  topologySpreadConstraints: bare,
};

/** Fields that a template may not have and a Pod may, as they are honoured or only recorded. */
const allowed = new Set([
  "affinity", // what Nodes it requires; Applications keep their slots in place by it
  "activeDeadlineSeconds",
  "containers[].env[].valueFrom.resourceFieldRef",
  "initContainers[].env[].valueFrom.resourceFieldRef",
  "ephemeralContainers[].env[].valueFrom.resourceFieldRef",
  "ephemeralContainers", // judged by its own endpoint
  "initContainers[].livenessProbe", // of sidecars
  "initContainers[].lifecycle",
  "initContainers[].ports",
  "initContainers[].readinessProbe",
  "initContainers[].restartPolicy",
  "initContainers[].startupProbe",
  "nodeName",
  "priority", // the scheduler takes the higher one first
  "readinessGates",
  "schedulerName", // other schedulers may bind pods
  "subdomain", // names for siblings on the same host
  "serviceAccount",
  "serviceAccountName", // recorded, and readable as a variable; no token is mounted
]);

/** Values that every Pod has anyhow, most of them because they are defaults. */
const harmless: Readonly<Record<string, readonly unknown[]>> = {
  automountServiceAccountToken: [false],
  enableServiceLinks: [true, false], // there are no Services to link to
  hostUsers: [true],
  os: [{ name: "linux" }],
  preemptionPolicy: ["Never"],
  setHostnameAsFQDN: [false],
  "securityContext.supplementalGroupsPolicy": ["Merge"],
  "securityContext.appArmorProfile": [{ type: "RuntimeDefault" }], // Docker's own, on every container
  "securityContext.procMount": ["Default"],
  terminationMessagePath: ["/dev/termination-log", ""],
  terminationMessagePolicy: ["File", "FallbackToLogsOnError"], // the latter is done for all
  "volumeMounts[].recursiveReadOnly": ["Disabled"],
};

const lists = ["containers[].", "initContainers[].", "ephemeralContainers[]."];

function harmlessAt(path: string): readonly unknown[] {
  const list = lists.find((prefix) => path.startsWith(prefix));
  return harmless[list === undefined ? path : path.slice(list.length)] ?? [];
}

/** The fields of the table; those of a container hold for the containers of the other lists too. */
const tablePaths = new Map(
  unsupportedFields.flatMap(({ path, reason }) => {
    const below = path.replace(/^spec\./, "");
    const paths = below.startsWith("containers[].")
      ? lists.map((list) => below.replace("containers[].", list))
      : [below];
    return paths.map((one) => [one, reason] as const);
  }),
);

const ofPodsOnly = [
  ["affinity.podAffinity", bare],
  ["affinity.podAntiAffinity", bare],
  ["schedulingGroup", bare],
  ["ephemeralContainers[].volumeMounts", "a running pod shares no further volumes, use exec"],
] as const;

/**
 * Every field of core/v1 PodSpec that plain Docker, or Lighthouse on it, cannot honour. A test
 * holds all fields there are against it: each is refused here, or known to be honoured.
 */
export const refusedFields: readonly RefusedField[] = [...tablePaths, ...ofPodsOnly]
  .filter(([path]) => !allowed.has(path))
  .map(([path, reason]) => ({
    path,
    reason: reasons[path] ?? reason,
    harmless: harmlessAt(path),
  }));

/** The refused fields as a tree, so that only fields that are present are looked at. */
type Branch = { readonly below: Map<string, Branch>; rule?: RefusedField };

function treeOf(fields: readonly RefusedField[]): Branch {
  const tree: Branch = { below: new Map() };
  for (const field of fields) {
    let branch = tree;
    for (const step of field.path.split(".")) {
      const next = branch.below.get(step) ?? { below: new Map<string, Branch>() };
      branch.below.set(step, next);
      branch = next;
    }
    branch.rule = field;
  }
  return tree;
}

const tree = treeOf(refusedFields);

function judge(value: unknown, branch: Branch, path: string, causes: StatusCause[]): void {
  const { rule, below } = branch;
  if (rule !== undefined && !rule.harmless.some((one) => equalJson(one, value))) {
    const why = `not supported on plain Docker hosts: ${rule.reason}`;
    causes.push(forbiddenValue(path, why));
    return;
  }
  if (!isObject(value)) return;
  for (const [step, next] of below) {
    const isList = step.endsWith("[]");
    const name = isList ? step.slice(0, -2) : step;
    const inner = value[name];
    if (inner === undefined || inner === null) continue;
    if (!isList) judge(inner, next, `${path}.${name}`, causes);
    else if (Array.isArray(inner)) {
      for (const [index, item] of inner.entries()) {
        judge(item, next, `${path}.${name}[${index}]`, causes);
      }
    }
  }
}

/** What a new Pod asks for that nobody would keep, each field with its reason. */
export function refusedCauses(spec: JsonObject): readonly StatusCause[] {
  const causes: StatusCause[] = [];
  judge(spec, tree, "spec", causes);
  return causes;
}
