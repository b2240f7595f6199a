import { invalidValue, requiredValue, unsupportedValue } from "../../machinery/field-causes.ts";
import { type Causes, needsText, present } from "./checks.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

const sources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
const onlyOne = "may not have more than one field specified at a time";

/** Paths of the downward API that a variable may read. */
const fieldPaths = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const subscript = /^metadata\.(labels|annotations)\['[^']+'\]$/;

/** What is wrong with the variables of a container. */
export function environmentCauses(container: JsonObject, path: string): Causes {
  return [
    ...objectsIn(container, "env").flatMap((variable, index) =>
      variableCauses(variable, `${path}.env[${index}]`),
    ),
    ...objectsIn(container, "envFrom").flatMap((from, index) =>
      bundleCauses(from, `${path}.envFrom[${index}]`),
    ),
  ];
}

const variableName = /^[ -<>-~]+$/;
const nameProblem =
  "a valid environment variable name must consist only of printable ASCII characters other than '='";

function variableCauses(variable: JsonObject, path: string): Causes {
  const name = textIn(variable, "name");
  const from = objectIn(variable, "valueFrom");
  const wrongName = name !== "" && !variableName.test(name);
  const both = textIn(variable, "value") !== "" && from !== undefined;
  const why = "may not be specified when `value` is not empty";
  return [
    ...needsText(variable, "name", path),
    ...(wrongName ? [invalidValue(`${path}.name`, name, nameProblem)] : []),
    ...(both ? [invalidValue(`${path}.valueFrom`, "", why)] : []),
    ...(from === undefined ? [] : sourceCauses(from, `${path}.valueFrom`)),
  ];
}

function sourceCauses(from: JsonObject, path: string): Causes {
  const given = present(from, sources);
  if (given.length === 0) {
    const list =
      "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
    return [invalidValue(path, "", `must specify one of: ${list}`)];
  }
  if (given.length > 1) return [invalidValue(path, "", onlyOne)];
  const fieldRef = objectIn(from, "fieldRef");
  if (fieldRef !== undefined) return fieldCauses(fieldRef, `${path}.fieldRef`);
  return ["configMapKeyRef", "secretKeyRef"].flatMap((field) => {
    const reference = objectIn(from, field);
    if (reference === undefined) return [];
    const at = `${path}.${field}`;
    return [...needsText(reference, "name", at), ...needsText(reference, "key", at)];
  });
}

function fieldCauses(reference: JsonObject, path: string): Causes {
  const fieldPath = textIn(reference, "fieldPath");
  if (fieldPath === "") return [requiredValue(`${path}.fieldPath`)];
  if (fieldPaths.includes(fieldPath) || subscript.test(fieldPath)) return [];
  return [unsupportedValue(`${path}.fieldPath`, fieldPath, fieldPaths)];
}

function bundleCauses(from: JsonObject, path: string): Causes {
  const prefix = textIn(from, "prefix");
  const given = present(from, ["configMapRef", "secretRef"]);
  const [first] = given;
  const wrongPrefix = prefix !== "" && !variableName.test(prefix);
  const prefixCauses = wrongPrefix ? [invalidValue(`${path}.prefix`, prefix, nameProblem)] : [];
  if (first === undefined) {
    const detail = "must specify one of: `configMapRef` or `secretRef`";
    return [...prefixCauses, invalidValue(path, "", detail)];
  }
  if (given.length > 1) return [...prefixCauses, invalidValue(path, "", onlyOne)];
  return [...prefixCauses, ...needsText(objectIn(from, first) ?? {}, "name", `${path}.${first}`)];
}
