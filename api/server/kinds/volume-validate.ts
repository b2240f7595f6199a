import { forbiddenValue, invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import { type Causes, descendingPath, itemName, needsText, oneOf } from "./checks.ts";
import { isObject, objectIn, objectsIn, textIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

/** What is wrong with the volumes of a pod. */
export function volumeCauses(volumes: readonly JsonObject[]): Causes {
  const names = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const path = `spec.volumes[${index}]`;
    return [
      ...itemName(textIn(volume, "name"), `${path}.name`, names),
      ...sourceCauses(volume, path),
    ];
  });
}

function sourceCauses(volume: JsonObject, path: string): Causes {
  const [first, ...more] = Object.keys(volume).filter((field) => field !== "name");
  if (first === undefined) return [requiredValue(path, "must specify a volume type")];
  const source = volume[first];
  const why = "may not specify more than 1 volume type";
  return [
    ...(isObject(source) ? (checks[first]?.(source, `${path}.${first}`) ?? []) : []),
    ...more.map((field) => forbiddenValue(`${path}.${field}`, why)),
  ];
}

type Check = (source: JsonObject, path: string) => Causes;

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

const checks: Readonly<Record<string, Check>> = {
  emptyDir: ({ medium }, path) => oneOf(`${path}.medium`, medium, ["", "Memory"]),
  hostPath(source, path) {
    const climbs = textIn(source, "path").split("/").includes("..");
    const value = source["path"];
    return [
      ...needsText(source, "path", path),
      ...(climbs ? [invalidValue(`${path}.path`, value, "must not contain '..'")] : []),
      ...oneOf(`${path}.type`, source["type"], hostPathTypes),
    ];
  },
  secret: (source, path) => [
    ...needsText(source, "secretName", path),
    ...modeCauses(source, "defaultMode", path),
    ...itemCauses(source, path),
  ],
  configMap: (source, path) => [
    ...needsText(source, "name", path),
    ...modeCauses(source, "defaultMode", path),
    ...itemCauses(source, path),
  ],
  persistentVolumeClaim: (source, path) => needsText(source, "claimName", path),
  downwardAPI: (source, path) => [
    ...modeCauses(source, "defaultMode", path),
    ...downwardCauses(source, path),
  ],
  projected: (source, path) => [
    ...modeCauses(source, "defaultMode", path),
    ...objectsIn(source, "sources").flatMap((one, index) =>
      projectionCauses(one, `${path}.sources[${index}]`),
    ),
  ],
};

function projectionCauses(projection: JsonObject, path: string): Causes {
  return ["secret", "configMap"].flatMap((field) => {
    const source = objectIn(projection, field);
    if (source === undefined) return [];
    const at = `${path}.${field}`;
    return [...needsText(source, "name", at), ...itemCauses(source, at)];
  });
}

function modeCauses(source: JsonObject, field: string, path: string): Causes {
  const mode = source[field];
  if (mode === undefined || (typeof mode === "number" && mode >= 0 && mode <= 0o777)) return [];
  const detail = "must be a number between 0 and 0777 (octal), both inclusive";
  return [invalidValue(`${path}.${field}`, mode, detail)];
}

function fileCauses(file: JsonObject, path: string): Causes {
  return [
    ...needsText(file, "path", path),
    ...descendingPath(textIn(file, "path"), `${path}.path`),
    ...modeCauses(file, "mode", path),
  ];
}

function itemCauses(source: JsonObject, path: string): Causes {
  return objectsIn(source, "items").flatMap((item, index) => {
    const at = `${path}.items[${index}]`;
    return [...needsText(item, "key", at), ...fileCauses(item, at)];
  });
}

function downwardCauses(source: JsonObject, path: string): Causes {
  return objectsIn(source, "items").flatMap((item, index) => {
    const at = `${path}.items[${index}]`;
    const field = objectIn(item, "fieldRef");
    return [
      ...fileCauses(item, at),
      ...(field === undefined ? [] : needsText(field, "fieldPath", `${at}.fieldRef`)),
    ];
  });
}
