import { invalidValue } from "../../machinery/field-causes.ts";
import { labelValueProblems, qualifiedNameProblems } from "../../machinery/names.ts";
import { type Causes, oneOf, problemCauses } from "./checks.ts";
import { textIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/** What is wrong with the taints that a pod tolerates. */
export function tolerationCauses(tolerations: readonly JsonObject[], path: string): Causes {
  return tolerations.flatMap((toleration, index) => oneCauses(toleration, `${path}[${index}]`));
}

function oneCauses(toleration: JsonObject, path: string): Causes {
  const [key, value] = [textIn(toleration, "key"), textIn(toleration, "value")];
  const operator = textIn(toleration, "operator") || "Equal";
  const effect = textIn(toleration, "effect");
  const matchesAll =
    'operator must be Exists when `key` is empty, which means "match all values and all keys"';
  const anyKey = key === "" && operator !== "Exists";
  const timed = toleration["tolerationSeconds"] !== undefined && effect !== "NoExecute";
  const why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
  return [
    ...(key === "" ? [] : problemCauses(`${path}.key`, key, qualifiedNameProblems(key))),
    ...(anyKey ? [invalidValue(`${path}.operator`, operator, matchesAll)] : []),
    ...(timed ? [invalidValue(`${path}.effect`, effect, why)] : []),
    ...valueCauses(operator, value, path),
    ...(effect === "" ? [] : oneOf(`${path}.effect`, effect, effects)),
  ];
}

function valueCauses(operator: string, value: string, path: string): Causes {
  if (operator === "Equal")
    return problemCauses(`${path}.operator`, value, labelValueProblems(value));
  if (operator !== "Exists") return oneOf(`${path}.operator`, operator, ["Equal", "Exists"]);
  if (value === "") return [];
  return [
    invalidValue(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"),
  ];
}
