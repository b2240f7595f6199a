import { equalJson } from "../../machinery/equality.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../machinery/field-causes.ts";
import { labelNameProblems } from "../../machinery/names.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

/** Everything wrong with a Pod; on an update also what may not change. */
export function validatePod(object: Body, before?: AnyObject): readonly StatusCause[] {
  const spec = objectIn(object, "spec") ?? {};
  const causes = [...specCauses(spec)];
  if (before !== undefined) causes.push(...changeCauses(spec, objectIn(before, "spec") ?? {}));
  return causes;
}

function specCauses(spec: JsonObject): readonly StatusCause[] {
  const containers = objectsIn(spec, "containers");
  const volumes = objectsIn(spec, "volumes");
  const causes: StatusCause[] = [];
  if (containers.length === 0) causes.push(requiredValue("spec.containers"));
  const seen = new Set<string>();
  for (const list of ["initContainers", "containers"]) {
    for (const [index, container] of objectsIn(spec, list).entries()) {
      causes.push(...containerCauses(container, `spec.${list}[${index}]`, seen, volumes));
    }
  }
  causes.push(...volumeCauses(volumes), ...policyCauses(spec));
  return causes;
}

const restartPolicies = ["Always", "OnFailure", "Never"];
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const pullPolicies = ["Always", "IfNotPresent", "Never"];
const protocols = ["SCTP", "TCP", "UDP"];

function policyCauses(spec: JsonObject): readonly StatusCause[] {
  const { restartPolicy, dnsPolicy, terminationGracePeriodSeconds: grace } = spec;
  const causes: StatusCause[] = [];
  if (!restartPolicies.some((known) => known === restartPolicy)) {
    causes.push(unsupportedValue("spec.restartPolicy", restartPolicy, restartPolicies));
  }
  if (!dnsPolicies.some((known) => known === dnsPolicy)) {
    causes.push(unsupportedValue("spec.dnsPolicy", dnsPolicy, dnsPolicies));
  }
  if (typeof grace !== "number" || !Number.isInteger(grace) || grace < 0) {
    const field = "spec.terminationGracePeriodSeconds";
    causes.push(invalidValue(field, grace, "must be greater than or equal to 0"));
  }
  return causes;
}

function containerCauses(
  container: JsonObject,
  path: string,
  seen: Set<string>,
  volumes: readonly JsonObject[],
): readonly StatusCause[] {
  const name = textIn(container, "name");
  const causes = nameCauses(name, `${path}.name`, seen);
  const image = textIn(container, "image");
  if (image === "") causes.push(requiredValue(`${path}.image`));
  else if (image !== image.trim()) {
    const detail = "must not have leading or trailing whitespace";
    causes.push(invalidValue(`${path}.image`, image, detail));
  }
  const { imagePullPolicy } = container;
  if (!pullPolicies.some((known) => known === imagePullPolicy)) {
    causes.push(unsupportedValue(`${path}.imagePullPolicy`, imagePullPolicy, pullPolicies));
  }
  return [
    ...causes,
    ...portCauses(container, path),
    ...envCauses(container, path),
    ...mountCauses(container, path, volumes),
  ];
}

function nameCauses(name: string, path: string, seen: Set<string>): StatusCause[] {
  if (name === "") return [requiredValue(path)];
  if (seen.has(name)) return [duplicateValue(path, name)];
  seen.add(name);
  return labelNameProblems(name).map((problem) => invalidValue(path, name, problem));
}

function portCauses(container: JsonObject, path: string): readonly StatusCause[] {
  return objectsIn(container, "ports").flatMap((port, index) => {
    const at = `${path}.ports[${index}]`;
    const { containerPort, hostPort = 0, protocol } = port;
    const causes: StatusCause[] = [];
    const detail = "must be between 1 and 65535, inclusive";
    if (containerPort === undefined) causes.push(requiredValue(`${at}.containerPort`));
    else if (!isPort(containerPort)) {
      causes.push(invalidValue(`${at}.containerPort`, containerPort, detail));
    }
    if (hostPort !== 0 && !isPort(hostPort)) {
      causes.push(invalidValue(`${at}.hostPort`, hostPort, detail));
    }
    if (!protocols.some((known) => known === protocol)) {
      causes.push(unsupportedValue(`${at}.protocol`, protocol, protocols));
    }
    return causes;
  });
}

function isPort(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535;
}

function envCauses(container: JsonObject, path: string): readonly StatusCause[] {
  return objectsIn(container, "env").flatMap((variable, index) => {
    const at = `${path}.env[${index}]`;
    const name = textIn(variable, "name");
    if (name === "") return [requiredValue(`${at}.name`)];
    const both = textIn(variable, "value") !== "" && objectIn(variable, "valueFrom") !== undefined;
    const why = "may not be specified when `value` is not empty";
    return [
      ...(name.includes("=") ? [invalidValue(`${at}.name`, name, "must not contain '='")] : []),
      ...(both ? [invalidValue(`${at}.valueFrom`, "", why)] : []),
    ];
  });
}

function mountCauses(
  container: JsonObject,
  path: string,
  volumes: readonly JsonObject[],
): readonly StatusCause[] {
  const paths = new Set<string>();
  return objectsIn(container, "volumeMounts").flatMap((mount, index) => {
    const at = `${path}.volumeMounts[${index}]`;
    const name = textIn(mount, "name");
    const mountPath = textIn(mount, "mountPath");
    const causes: StatusCause[] = [];
    if (!volumes.some((volume) => volume["name"] === name)) {
      const message = `Not found: ${JSON.stringify(name)}`;
      causes.push({ reason: "FieldValueNotFound", message, field: `${at}.name` });
    }
    if (mountPath === "") causes.push(requiredValue(`${at}.mountPath`));
    else if (paths.has(mountPath)) {
      causes.push(invalidValue(`${at}.mountPath`, mountPath, "must be unique"));
    }
    paths.add(mountPath);
    const subPath = textIn(mount, "subPath");
    // Kubernetes' words; a path that climbs would bind what the volume does not hold.
    if (subPath.startsWith("/")) {
      causes.push(invalidValue(`${at}.subPath`, subPath, "must be a relative path"));
    } else if (subPath.split("/").includes("..")) {
      causes.push(invalidValue(`${at}.subPath`, subPath, "must not contain '..'"));
    }
    return causes;
  });
}

function volumeCauses(volumes: readonly JsonObject[]): readonly StatusCause[] {
  const seen = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const path = `spec.volumes[${index}]`;
    const causes = nameCauses(textIn(volume, "name"), `${path}.name`, seen);
    const sources = Object.keys(volume).filter((field) => field !== "name");
    if (sources.length > 1) {
      const why = "may not specify more than 1 volume type";
      causes.push(forbiddenValue(`${path}.${sources[1] ?? ""}`, why));
    }
    return causes;
  });
}

const mayChange =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

function changeCauses(spec: JsonObject, before: JsonObject): readonly StatusCause[] {
  if (equalJson(comparable(spec), comparable(before))) return [];
  return [forbiddenValue("spec", mayChange)];
}

/** The spec without what may change. */
function comparable(spec: JsonObject): JsonObject {
  const withoutImages = (list: string): readonly JsonObject[] =>
    objectsIn(spec, list).map((container) => ({ ...container, image: "" }));
  return {
    ...spec,
    containers: withoutImages("containers"),
    initContainers: withoutImages("initContainers"),
    activeDeadlineSeconds: undefined,
    tolerations: undefined,
  };
}
