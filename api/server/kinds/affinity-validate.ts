import { forbiddenValue, invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import { qualifiedNameProblems } from "../../machinery/names.ts";
import { type Causes, problemCauses } from "./checks.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

/** A requirement of a term, and where it stands. */
type Place = { readonly requirement: JsonObject; readonly path: string };

const countRules: Readonly<Record<string, readonly [(count: number) => boolean, string]>> = {
  In: [(count) => count > 0, "must be specified when `operator` is 'In' or 'NotIn'"],
  NotIn: [(count) => count > 0, "must be specified when `operator` is 'In' or 'NotIn'"],
  Exists: [
    (count) => count === 0,
    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
  ],
  DoesNotExist: [
    (count) => count === 0,
    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
  ],
  Gt: [(count) => count === 1, "must be specified single value when `operator` is 'Lt' or 'Gt'"],
  Lt: [(count) => count === 1, "must be specified single value when `operator` is 'Lt' or 'Gt'"],
};

const valuesOf = ({ values }: JsonObject): readonly unknown[] =>
  Array.isArray(values) ? values : [];

function expressionCauses({ requirement, path }: Place): Causes {
  const operator = textIn(requirement, "operator");
  const key = textIn(requirement, "key");
  const keyCauses = problemCauses(`${path}.key`, key, qualifiedNameProblems(key));
  if (!Object.hasOwn(countRules, operator)) {
    return [
      invalidValue(`${path}.operator`, operator, "not a valid selector operator"),
      ...keyCauses,
    ];
  }
  const [holds, words] = countRules[operator] ?? [];
  const { length } = valuesOf(requirement);
  if (holds?.(length) !== false) return keyCauses;
  const field = `${path}.values`;
  const cause = length === 0 ? requiredValue(field, words) : forbiddenValue(field, words ?? "");
  return [cause, ...keyCauses];
}

/** A Node has one field to be chosen by: its name. */
function fieldCauses({ requirement, path }: Place): Causes {
  const operator = textIn(requirement, "operator");
  const key = textIn(requirement, "key");
  const oneValue = valuesOf(requirement).length === 1;
  const knownOperator = operator === "In" || operator === "NotIn";
  return [
    ...(knownOperator
      ? []
      : [invalidValue(`${path}.operator`, operator, "not a valid selector operator")]),
    ...(!knownOperator || oneValue
      ? []
      : [
          requiredValue(
            `${path}.values`,
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
          ),
        ]),
    ...(key === "metadata.name"
      ? []
      : [invalidValue(`${path}.key`, key, "not a valid field selector key")]),
  ];
}

function placesIn(term: JsonObject, list: string, path: string): readonly Place[] {
  return objectsIn(term, list).map((requirement, index) => ({
    requirement,
    path: `${path}.${list}[${index}]`,
  }));
}

const root = "spec.affinity.nodeAffinity";

function termCauses(term: JsonObject, path: string): Causes {
  return [
    ...placesIn(term, "matchExpressions", path).flatMap(expressionCauses),
    ...placesIn(term, "matchFields", path).flatMap(fieldCauses),
  ];
}

function requiredCauses(affinity: JsonObject): Causes {
  const required = objectIn(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
  if (required === undefined) return [];
  const path = `${root}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  const terms = objectsIn(required, "nodeSelectorTerms");
  if (terms.length === 0) return [requiredValue(path, "must have at least one node selector term")];
  return terms.flatMap((term, index) => termCauses(term, `${path}[${index}]`));
}

function preferredCauses(affinity: JsonObject): Causes {
  const field = "preferredDuringSchedulingIgnoredDuringExecution";
  return objectsIn(affinity, field).flatMap((wish, index) => {
    const path = `${root}.${field}[${index}]`;
    const { weight = 0 } = wish;
    const isInRange = typeof weight === "number" && weight >= 1 && weight <= 100;
    return [
      ...(isInRange
        ? []
        : [invalidValue(`${path}.weight`, String(weight), "must be in the range 1-100")]),
      ...termCauses(objectIn(wish, "preference") ?? {}, `${path}.preference`),
    ];
  });
}

/** What is wrong with the Nodes that a Pod requires or prefers; the rules of core/v1 NodeAffinity. */
export function affinityCauses(spec: JsonObject): Causes {
  const affinity = objectIn(objectIn(spec, "affinity") ?? {}, "nodeAffinity") ?? {};
  return [...requiredCauses(affinity), ...preferredCauses(affinity)];
}
