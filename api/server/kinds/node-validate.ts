import { equalJson } from "../../machinery/equality.ts";
import {
  duplicateValue,
  forbiddenValue,
  requiredValue,
  unsupportedValue,
} from "../../machinery/field-causes.ts";
import { labelValueProblems, qualifiedNameProblems } from "../../machinery/names.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { type Causes, problemCauses } from "./checks.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/** Everything wrong with a Node; on an update also what may be set only once. */
export function validateNode(object: Body, before?: AnyObject): Causes {
  const spec = objectIn(object, "spec") ?? {};
  return [
    ...taintCauses(spec),
    ...(before === undefined ? [] : changeCauses(spec, objectIn(before, "spec") ?? {})),
    ...addressCauses(objectIn(object, "status")),
  ];
}

function taintCauses(spec: JsonObject): Causes {
  const seen = new Set<string>();
  return objectsIn(spec, "taints").flatMap((taint, index) => {
    const path = `spec.taints[${index}]`;
    const [key, value] = [textIn(taint, "key"), textIn(taint, "value")];
    const effect = textIn(taint, "effect");
    const id = `${key} ${effect}`;
    const twice = seen.has(id);
    seen.add(id);
    const supported = effects.includes(effect);
    return [
      ...problemCauses(`${path}.key`, key, qualifiedNameProblems(key)),
      ...problemCauses(`${path}.value`, value, labelValueProblems(value)),
      ...(effect === "" ? [requiredValue(`${path}.effect`)] : []),
      ...(effect === "" || supported ? [] : [unsupportedValue(`${path}.effect`, effect, effects)]),
      ...(twice ? [duplicateTaint(path, taint)] : []),
    ];
  });
}

function duplicateTaint(path: string, taint: JsonObject): Causes[number] {
  const cause = duplicateValue(path, taint);
  return { ...cause, message: `${cause.message}: taints must be unique by key and effect pair` };
}

function changeCauses(spec: JsonObject, before: JsonObject): Causes {
  return ["podCIDR", "providerID"].flatMap((field) => {
    const old = textIn(before, field);
    if (old === "" || old === textIn(spec, field)) return [];
    const why = `node updates may not change ${field} except from "" to valid`;
    return [forbiddenValue(`spec.${field}`, why)];
  });
}

function addressCauses(status: JsonObject | undefined): Causes {
  const addresses = objectsIn(status, "addresses");
  return addresses.flatMap((address, index) => {
    const twice = addresses.slice(0, index).some((other) => equalJson(other, address));
    return twice ? [duplicateValue(`status.addresses[${index}]`, address)] : [];
  });
}
