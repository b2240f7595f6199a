import { equalJson } from "../../machinery/equality.ts";
import {
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../machinery/field-causes.ts";
import { qualifiedNameProblems } from "../../machinery/names.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatQuantity, parseQuantity } from "../../machinery/quantity.ts";
import { reservationsAnnotation } from "../../machinery/quota/reservations.ts";
import { scopeNames } from "../../machinery/quota/scopes.ts";
import type { BuiltIn } from "./built-in.ts";
import { type Causes, problemCauses } from "./checks.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { isObject, objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

/** What is counted in whole numbers. */
const counts: ReadonlySet<string> = new Set([
  "pods",
  "services",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
]);

const amounts: ReadonlySet<string> = new Set([
  "cpu",
  "memory",
  "ephemeral-storage",
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
]);

const isCount = (name: string): boolean => counts.has(name) || name.startsWith("count/");

function nameCauses(name: string, path: string): Causes {
  if (counts.has(name) || amounts.has(name)) return [];
  const problems = qualifiedNameProblems(name);
  if (problems.length > 0) return problemCauses(path, name, problems);
  return name.includes("/")
    ? []
    : problemCauses(path, name, ["must be a standard resource for quota"]);
}

function amountCauses(name: string, value: unknown, path: string): Causes {
  const quantity = typeof value === "string" ? parseQuantity(value) : undefined;
  if (quantity === undefined) {
    const detail =
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    return [invalidValue(path, value, detail)];
  }
  if (quantity.nanos < 0n) return [invalidValue(path, value, "must be greater than or equal to 0")];
  const isWhole = quantity.nanos % 1_000_000_000n === 0n;
  return isCount(name) && !isWhole ? [invalidValue(path, value, "must be an integer")] : [];
}

function hardCauses(hard: JsonObject): Causes {
  return Object.entries(hard).flatMap(([name, value]) => {
    const path = `spec.hard[${name}]`;
    return [...nameCauses(name, path), ...amountCauses(name, value, path)];
  });
}

const computeScopes: ReadonlySet<string> = new Set([
  "pods",
  "cpu",
  "memory",
  "requests.cpu",
  "requests.memory",
  "limits.cpu",
  "limits.memory",
]);

const opposites = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
] as const;

const operators = ["In", "NotIn", "Exists", "DoesNotExist"];

function termCauses(term: JsonObject, path: string): Causes {
  const [scope, operator] = [textIn(term, "scopeName"), textIn(term, "operator")];
  const values = Array.isArray(term["values"]) ? term["values"] : [];
  const needsValues = operator === "In" || operator === "NotIn";
  const isFixed = scope !== "PriorityClass" && scopeNames.includes(scope);
  return [
    ...(scopeNames.includes(scope)
      ? []
      : [unsupportedValue(`${path}.scopeName`, scope, scopeNames)]),
    ...(operators.includes(operator)
      ? []
      : [unsupportedValue(`${path}.operator`, operator, operators)]),
    ...(isFixed && operator !== "Exists"
      ? [
          invalidValue(
            `${path}.operator`,
            operator,
            "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
          ),
        ]
      : []),
    ...(needsValues && values.length === 0
      ? [
          requiredValue(
            `${path}.values`,
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
          ),
        ]
      : []),
    ...(!needsValues && values.length > 0
      ? [
          invalidValue(
            `${path}.values`,
            values,
            "must be no value when `operator` is 'EXISTS' or 'DoesNotExist' for scope selector",
          ),
        ]
      : []),
  ];
}

function scopesIn(spec: JsonObject): readonly string[] {
  const { scopes } = spec;
  return Array.isArray(scopes) ? scopes.filter((one) => typeof one === "string") : [];
}

function scopeCauses(spec: JsonObject): Causes {
  const terms = objectsIn(objectIn(spec, "scopeSelector"), "matchExpressions");
  const names = [...scopesIn(spec), ...terms.map((term) => textIn(term, "scopeName"))];
  const clashes = opposites.some((pair) => pair.every((name) => names.includes(name)));
  const isBestEffort = names.includes("BestEffort");
  const foreign = Object.keys(objectIn(spec, "hard") ?? {}).filter((name) =>
    isBestEffort ? name !== "pods" : !computeScopes.has(name) && name !== "count/pods",
  );
  return [
    ...scopesIn(spec).flatMap((name, index) =>
      scopeNames.includes(name)
        ? []
        : [unsupportedValue(`spec.scopes[${index}]`, name, scopeNames)],
    ),
    ...terms.flatMap((term, index) =>
      termCauses(term, `spec.scopeSelector.matchExpressions[${index}]`),
    ),
    ...(clashes ? [invalidValue("spec.scopes", names, "conflicting scopes")] : []),
    ...(names.length > 0 && foreign.length > 0
      ? [
          invalidValue(
            "spec.scopes",
            names,
            `unsupported scope applied to resource ${foreign[0] ?? ""}`,
          ),
        ]
      : []),
  ];
}

function changeCauses(spec: JsonObject, before: JsonObject): Causes {
  return ["scopes", "scopeSelector"].flatMap((field) =>
    equalJson(spec[field], before[field])
      ? []
      : [forbiddenValue(`spec.${field}`, "field is immutable")],
  );
}

function validate(object: Body, before?: AnyObject): Causes {
  const spec = objectIn(object, "spec") ?? {};
  return [
    ...hardCauses(objectIn(spec, "hard") ?? {}),
    ...scopeCauses(spec),
    ...(before === undefined ? [] : changeCauses(spec, objectIn(before, "spec") ?? {})),
  ];
}

/** What the server has let through must not be forgotten when people replace the quota. */
function keepReservations(object: Body, before: AnyObject | undefined): void {
  const held = before?.metadata.annotations?.[reservationsAnnotation];
  const { [reservationsAnnotation]: _sent, ...annotations } = object.metadata.annotations ?? {};
  const kept =
    held === undefined ? annotations : { ...annotations, [reservationsAnnotation]: held };
  if (Object.keys(kept).length > 0) object.metadata.annotations = kept;
  else delete object.metadata.annotations;
}

const amount = (amounts: JsonObject | undefined, name: string): string => {
  const quantity = parseQuantity(textIn(amounts, name));
  return quantity === undefined ? "0" : formatQuantity(quantity);
};

function amountsText(quota: AnyObject, wanted: (name: string) => boolean): string {
  const status = isObject(quota["status"]) ? quota["status"] : {};
  const [hard, used] = [objectIn(status, "hard"), objectIn(status, "used")];
  return Object.keys(hard ?? {})
    .filter(wanted)
    .sort()
    .map((name) => `${name}: ${amount(used, name)}/${amount(hard, name)}`)
    .join(", ");
}

const isLimit = (name: string): boolean => name.startsWith("limits");

/** core/v1 ResourceQuota: how much a namespace may take. Counted by the quota controller. */
export const resourceQuotaKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "ResourceQuota",
  plural: "resourcequotas",
  namespaced: true,
  shortNames: ["quota"],
  definition: "io.k8s.api.core.v1.ResourceQuota",
  status: true,
  columns: [
    nameColumn,
    column("Request", (quota) => amountsText(quota, (name) => !isLimit(name))),
    column("Limit", (quota) => amountsText(quota, isLimit)),
    ageColumn,
  ],
  strategy: {
    prepareCreate(object) {
      delete object["status"];
      keepReservations(object, undefined);
    },
    prepareUpdate: (object, before) => keepReservations(object, before),
    validate,
  },
};
