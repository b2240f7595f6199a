import { invalidValue } from "../../machinery/field-causes.ts";
import { qualifiedNameProblems } from "../../machinery/names.ts";
import { parseQuantity } from "../../machinery/quantity.ts";
import { type Causes, problemCauses } from "./checks.ts";
import { isObject, objectIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

const standard = new Set(["cpu", "memory", "ephemeral-storage"]);

/** What is wrong with requests and limits of a container. */
export function resourceCauses(container: JsonObject, path: string): Causes {
  const resources = objectIn(container, "resources") ?? {};
  const at = `${path}.resources`;
  return [
    ...amountCauses(resources["limits"], `${at}.limits`),
    ...amountCauses(resources["requests"], `${at}.requests`),
    ...excessCauses(resources, `${at}.requests`),
  ];
}

const nanosOf = (value: unknown): bigint | undefined =>
  typeof value === "string" ? parseQuantity(value)?.nanos : undefined;

function amountCauses(amounts: unknown, path: string): Causes {
  if (!isObject(amounts)) return [];
  return Object.entries(amounts).flatMap(([name, value]) => {
    const at = `${path}[${name}]`;
    return [...nameCauses(name, at), ...valueCauses(value, at)];
  });
}

function nameCauses(name: string, path: string): Causes {
  if (standard.has(name) || name.startsWith("hugepages-")) return [];
  const problems = qualifiedNameProblems(name);
  if (problems.length > 0) return problemCauses(path, name, problems);
  if (name.includes("/")) return [];
  return problemCauses(path, name, [
    "must be a standard resource type or fully qualified",
    "must be a standard resource for containers",
  ]);
}

function valueCauses(value: unknown, path: string): Causes {
  const nanos = nanosOf(value);
  if (nanos === undefined) {
    const detail =
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    return [invalidValue(path, value, detail)];
  }
  return nanos < 0n ? [invalidValue(path, value, "must be greater than or equal to 0")] : [];
}

/** A request above its limit could never be used. */
function excessCauses(resources: JsonObject, path: string): Causes {
  const limits = objectIn(resources, "limits") ?? {};
  return Object.entries(objectIn(resources, "requests") ?? {}).flatMap(([name, request]) => {
    const limit = limits[name];
    const [asked, most] = [nanosOf(request), nanosOf(limit)];
    if (asked === undefined || most === undefined || asked <= most) return [];
    const detail = `must be less than or equal to ${name} limit of ${String(limit)}`;
    return [invalidValue(path, request, detail)];
  });
}
