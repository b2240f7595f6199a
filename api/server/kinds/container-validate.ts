import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  requiredValue,
} from "../../machinery/field-causes.ts";
import {
  type Causes,
  descendingPath,
  itemName,
  needsText,
  notFoundValue,
  oneOf,
  portCauses,
  portNameProblems,
  problemCauses,
} from "./checks.ts";
import { environmentCauses } from "./environment-validate.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";
import { lifecycleCauses, probesCauses } from "./probe-validate.ts";
import { resourceCauses } from "./resource-validate.ts";

/** What a container is judged in. */
export type ContainerContext = {
  /** e.g. `spec.containers[0]`. */
  readonly path: string;
  /** Names that are taken; grows. */
  readonly names: Set<string>;
  /** Names of the pod's volumes. */
  readonly volumes: ReadonlySet<string>;
};

const pullPolicies = ["Always", "IfNotPresent", "Never"];
const protocols = ["SCTP", "TCP", "UDP"];
const propagations = ["Bidirectional", "HostToContainer", "None"];
const terminationPolicies = ["FallbackToLogsOnError", "File"];

/** What is wrong with one container of a pod. */
export function containerCauses(container: JsonObject, context: ContainerContext): Causes {
  const { path, names, volumes } = context;
  return [
    ...itemName(textIn(container, "name"), `${path}.name`, names),
    ...imageCauses(container, path),
    ...oneOf(`${path}.imagePullPolicy`, container["imagePullPolicy"], pullPolicies),
    ...oneOf(
      `${path}.terminationMessagePolicy`,
      container["terminationMessagePolicy"],
      terminationPolicies,
    ),
    ...containerPorts(container, path),
    ...environmentCauses(container, path),
    ...mountCauses(container, path, volumes),
    ...probesCauses(container, path),
    ...lifecycleCauses(container, path),
    ...resourceCauses(container, path),
    ...securityCauses(objectIn(container, "securityContext"), `${path}.securityContext`),
  ];
}

/** The image of a container, which may also change later. */
export function imageCauses(container: JsonObject, path: string): Causes {
  const image = textIn(container, "image");
  if (image === "") return [requiredValue(`${path}.image`)];
  if (image === image.trim()) return [];
  const detail = "must not have leading or trailing whitespace";
  return [invalidValue(`${path}.image`, image, detail)];
}

function containerPorts(container: JsonObject, path: string): Causes {
  const names = new Set<string>();
  return objectsIn(container, "ports").flatMap((port, index) => {
    const at = `${path}.ports[${index}]`;
    const { containerPort, hostPort = 0, protocol } = port;
    const noPort = containerPort === undefined || containerPort === 0;
    return [
      ...portName(textIn(port, "name"), `${at}.name`, names),
      ...(noPort
        ? [requiredValue(`${at}.containerPort`)]
        : portCauses(containerPort, `${at}.containerPort`)),
      ...(hostPort === 0 ? [] : portCauses(hostPort, `${at}.hostPort`)),
      ...oneOf(`${at}.protocol`, protocol, protocols),
    ];
  });
}

function portName(name: string, path: string, names: Set<string>): Causes {
  if (name === "") return [];
  const problems = portNameProblems(name);
  if (problems.length > 0) return problemCauses(path, name, problems);
  if (names.has(name)) return [duplicateValue(path, name)];
  names.add(name);
  return [];
}

function mountCauses(container: JsonObject, path: string, volumes: ReadonlySet<string>): Causes {
  const paths = new Set<string>();
  const privileged = objectIn(container, "securityContext")?.["privileged"] === true;
  return objectsIn(container, "volumeMounts").flatMap((mount, index) => {
    const at = `${path}.volumeMounts[${index}]`;
    const [name, mountPath] = [textIn(mount, "name"), textIn(mount, "mountPath")];
    const taken = mountPath !== "" && paths.has(mountPath);
    paths.add(mountPath);
    const { mountPropagation } = mount;
    const exposed = mountPropagation === "Bidirectional" && !privileged;
    return [
      ...needsText(mount, "name", at),
      ...(name === "" || volumes.has(name) ? [] : [notFoundValue(`${at}.name`, name)]),
      ...needsText(mount, "mountPath", at),
      ...(taken ? [invalidValue(`${at}.mountPath`, mountPath, "must be unique")] : []),
      ...descendingPath(textIn(mount, "subPath"), `${at}.subPath`),
      ...oneOf(`${at}.mountPropagation`, mountPropagation, propagations),
      ...(exposed ? [forbiddenValue(`${at}.mountPropagation`, onlyPrivileged)] : []),
    ];
  });
}
const onlyPrivileged = "Bidirectional mount propagation is available only to privileged containers";

const maxId = 2_147_483_647;

/** Ids of users and groups, and the filter of system calls, in a security context of a pod or a container. */
export function contextCauses(context: JsonObject | undefined, path: string): Causes {
  const { type } = objectIn(context ?? {}, "seccompProfile") ?? {};
  return [
    ...idCauses(context, path),
    ...oneOf(`${path}.seccompProfile.type`, type, seccompProfiles),
  ];
}

/** What Docker knows without a file on the host. */
const seccompProfiles = ["RuntimeDefault", "Unconfined"];

function idCauses(context: JsonObject | undefined, path: string): Causes {
  return ["runAsUser", "runAsGroup", "fsGroup"].flatMap((field) => {
    const value = context?.[field];
    if (value === undefined) return [];
    if (typeof value === "number" && value >= 0 && value <= maxId) return [];
    return [invalidValue(`${path}.${field}`, value, `must be between 0 and ${maxId}, inclusive`)];
  });
}

function securityCauses(context: JsonObject | undefined, path: string): Causes {
  if (context === undefined) return [];
  const ids = contextCauses(context, path);
  if (context["allowPrivilegeEscalation"] !== false) return ids;
  const add = objectIn(context, "capabilities")?.["add"];
  const isAdmin =
    Array.isArray(add) && add.some((one) => one === "SYS_ADMIN" || one === "CAP_SYS_ADMIN");
  const start = "cannot set `allowPrivilegeEscalation` to false and";
  return [
    ...ids,
    ...(context["privileged"] === true
      ? [invalidValue(path, context, `${start} \`privileged\` to true`)]
      : []),
    ...(isAdmin
      ? [invalidValue(path, context, `${start} \`capabilities.Add\` CAP_SYS_ADMIN`)]
      : []),
  ];
}
