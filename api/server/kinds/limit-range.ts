import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  requiredValue,
} from "../../machinery/field-causes.ts";
import { qualifiedNameProblems } from "../../machinery/names.ts";
import { parseQuantity } from "../../machinery/quantity.ts";
import type { BuiltIn } from "./built-in.ts";
import { type Causes, problemCauses } from "./checks.ts";
import { createdAtColumn, nameColumn } from "./columns.ts";
import { fill, isObject, objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

const standard: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage", "storage"]);

const fields = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;
type Field = (typeof fields)[number];

const nanosIn = (item: JsonObject, field: Field, name: string): bigint | undefined =>
  parseQuantity(textIn(objectIn(item, field), name))?.nanos;

function nameCauses(name: string, path: string): Causes {
  if (standard.has(name) || name.startsWith("hugepages-")) return [];
  const problems = qualifiedNameProblems(name);
  if (problems.length > 0) return problemCauses(path, name, problems);
  return name.includes("/") ? [] : problemCauses(path, name, ["must be a standard resource type"]);
}

function valueCauses(item: JsonObject, path: string): Causes {
  return fields.flatMap((field) =>
    Object.entries(objectIn(item, field) ?? {}).flatMap(([name, value]) => {
      const at = `${path}.${field}[${name}]`;
      const quantity = typeof value === "string" ? parseQuantity(value) : undefined;
      if (quantity === undefined) return [invalidValue(at, value, "must be a quantity")];
      if (quantity.nanos < 0n)
        return [invalidValue(at, value, "must be greater than or equal to 0")];
      return nameCauses(name, at);
    }),
  );
}

/** Which of two amounts must not be above the other, and how Kubernetes says so. */
const orders: readonly (readonly [low: Field, high: Field, words: string])[] = [
  ["min", "max", "min value %1 is greater than max value %2"],
  ["min", "defaultRequest", "min value %1 is greater than default request value %2"],
  ["defaultRequest", "max", "default request value %1 is greater than max value %2"],
  ["defaultRequest", "default", "default request value %1 is greater than default limit value %2"],
  ["min", "default", "min value %1 is greater than default value %2"],
  ["default", "max", "default value %1 is greater than max value %2"],
];

function orderCauses(item: JsonObject, path: string): Causes {
  const names = new Set(fields.flatMap((field) => Object.keys(objectIn(item, field) ?? {})));
  return [...names].flatMap((name) =>
    orders.flatMap(([low, high, words]) => {
      const [least, most] = [nanosIn(item, low, name), nanosIn(item, high, name)];
      if (least === undefined || most === undefined || least <= most) return [];
      const text = (field: Field): string => textIn(objectIn(item, field), name);
      const why = words.replace("%1", text(low)).replace("%2", text(high));
      return [invalidValue(`${path}.${low}[${name}]`, text(low), why)];
    }),
  );
}

function ratioCauses(item: JsonObject, path: string): Causes {
  return Object.keys(objectIn(item, "maxLimitRequestRatio") ?? {}).flatMap((name) => {
    const ratio = nanosIn(item, "maxLimitRequestRatio", name) ?? 0n;
    const [min, max] = [nanosIn(item, "min", name), nanosIn(item, "max", name)];
    const at = `${path}.maxLimitRequestRatio[${name}]`;
    const value = textIn(objectIn(item, "maxLimitRequestRatio"), name);
    if (ratio < 1_000_000_000n) return [invalidValue(at, value, `ratio ${value} is less than 1`)];
    if (
      min === undefined ||
      max === undefined ||
      min === 0n ||
      ratio <= (max * 1_000_000_000n) / min
    )
      return [];
    return [
      invalidValue(
        at,
        value,
        `ratio ${value} is greater than max/min = ${Number(max) / Number(min)}`,
      ),
    ];
  });
}

function itemCauses(item: JsonObject, path: string, seen: Set<string>): Causes {
  const type = textIn(item, "type");
  if (type === "") return [requiredValue(`${path}.type`)];
  const twice = seen.has(type);
  seen.add(type);
  const noDefaults = type === "Pod" ? (["default", "defaultRequest"] as const) : [];
  return [
    ...(["Pod", "Container", "PersistentVolumeClaim"].includes(type)
      ? []
      : problemCauses(
          `${path}.type`,
          type,
          type.includes("/") ? [] : ["must be a standard limit type or fully qualified"],
        )),
    ...(twice ? [duplicateValue(`${path}.type`, type)] : []),
    ...noDefaults
      .filter((field) => Object.keys(objectIn(item, field) ?? {}).length > 0)
      .map((field) =>
        forbiddenValue(`${path}.${field}`, "may not be specified when `type` is 'Pod'"),
      ),
    ...valueCauses(item, path),
    ...orderCauses(item, path),
    ...ratioCauses(item, path),
  ];
}

function validate(object: Body): Causes {
  const seen = new Set<string>();
  const limits = objectsIn(objectIn(object, "spec"), "limits");
  return limits.flatMap((item, index) => itemCauses(item, `spec.limits[${index}]`, seen));
}

/** A maximum is also what is meant when nothing is said, and what is limited is also asked for. */
function setDefaults(object: Body): void {
  for (const item of objectsIn(objectIn(object, "spec"), "limits")) {
    if (textIn(item, "type") !== "Container") continue;
    for (const [from, to] of [
      ["max", "default"],
      ["default", "defaultRequest"],
      ["min", "defaultRequest"],
    ] as const) {
      const amounts = objectIn(item, from);
      if (amounts === undefined) continue;
      const target = isObject(item[to]) ? item[to] : {};
      fill(target, amounts);
      item[to] = target;
    }
  }
}

/** core/v1 LimitRange: bounds and defaults of what containers and pods of a namespace ask for. */
export const limitRangeKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "LimitRange",
  plural: "limitranges",
  namespaced: true,
  shortNames: ["limits"],
  definition: "io.k8s.api.core.v1.LimitRange",
  columns: [nameColumn, createdAtColumn],
  strategy: { setDefaults, validate },
};
