import { isIP } from "node:net";
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../machinery/field-causes.ts";
import {
  labelNameProblems,
  labelValueProblems,
  qualifiedNameProblems,
  subdomainProblems,
} from "../../machinery/names.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { affinityCauses } from "./affinity-validate.ts";
import { bandwidthCauses } from "./bandwidth-validate.ts";
import { type Causes, oneOf, problemCauses } from "./checks.ts";
import { containerCauses, contextCauses } from "./container-validate.ts";
import { ephemeralCauses } from "./ephemeral-validate.ts";
import { isObject, objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";
import { changeCauses, ephemeralChanges } from "./pod-changes.ts";
import { refusedCauses } from "./pod-unsupported.ts";
import { tolerationCauses } from "./toleration-validate.ts";
import { volumeCauses } from "./volume-validate.ts";

/**
 * Everything wrong with a Pod. What plain Docker cannot do is refused on creation alone: a Pod
 * that was stored before a field was refused must still take a status.
 */
export function validatePod(object: Body, before?: AnyObject): Causes {
  const bandwidth = bandwidthCauses(
    objectIn(objectIn(object, "metadata") ?? {}, "annotations"),
    "metadata.annotations",
    before?.metadata.annotations,
  );
  // A report of the status carries the very spec that was judged when it was written.
  if (before !== undefined && object["spec"] === before["spec"]) return bandwidth;
  const spec = objectIn(object, "spec") ?? {};
  const causes = [...bandwidth, ...specCauses(spec)];
  if (before !== undefined)
    return [...causes, ...changeCauses(spec, objectIn(before, "spec") ?? {})];
  const early = objectsIn(spec, "ephemeralContainers").length > 0;
  return [
    ...causes,
    ...(early ? [forbiddenValue("spec.ephemeralContainers", "cannot be set on create")] : []),
    ...refusedCauses(spec),
  ];
}
/** Everything wrong with a Pod to which ephemeral containers were added. */
export function validateEphemeral(object: Body, before: AnyObject): Causes {
  const spec = objectIn(object, "spec") ?? {};
  const ephemeral = { ephemeralContainers: spec["ephemeralContainers"] };
  return [...specCauses(spec), ...ephemeralChanges(object, before), ...refusedCauses(ephemeral)];
}

function specCauses(spec: JsonObject): Causes {
  const volumes = objectsIn(spec, "volumes");
  const names = new Set<string>();
  const volumeNames = new Set(volumes.map((volume) => textIn(volume, "name")));
  const none = objectsIn(spec, "containers").length === 0;
  return [
    ...volumeCauses(volumes),
    ...(none ? [requiredValue("spec.containers")] : []),
    ...["containers", "initContainers"].flatMap((list) =>
      objectsIn(spec, list).flatMap((container, index) =>
        containerCauses(container, {
          path: `spec.${list}[${index}]`,
          names,
          volumes: volumeNames,
        }),
      ),
    ),
    ...ephemeralCauses(spec, names, volumeNames),
    ...hostPortCauses(spec),
    ...policyCauses(spec),
    ...placeCauses(spec),
    ...resolverCauses(spec),
    ...affinityCauses(spec),
    ...tolerationCauses(objectsIn(spec, "tolerations"), "spec.tolerations"),
    ...securityCauses(spec),
  ];
}

const restartPolicies = ["Always", "OnFailure", "Never"];
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

const longestDeadline = 2 ** 31 - 1;

function deadlineCauses(seconds: unknown): Causes {
  if (seconds === undefined) return [];
  if (typeof seconds === "number" && seconds >= 1 && seconds <= longestDeadline) return [];
  const range = `must be between 1 and ${longestDeadline}, inclusive`;
  return [invalidValue("spec.activeDeadlineSeconds", seconds, range)];
}

function policyCauses(spec: JsonObject): Causes {
  const { restartPolicy, dnsPolicy, terminationGracePeriodSeconds: grace } = spec;
  const field = "spec.terminationGracePeriodSeconds";
  const rightGrace = typeof grace === "number" && grace >= 0;
  return [
    ...(restartPolicies.some((known) => known === restartPolicy)
      ? []
      : [unsupportedValue("spec.restartPolicy", restartPolicy, restartPolicies)]),
    ...(dnsPolicies.some((known) => known === dnsPolicy)
      ? []
      : [unsupportedValue("spec.dnsPolicy", dnsPolicy, dnsPolicies)]),
    ...(rightGrace ? [] : [invalidValue(field, grace, "must be greater than or equal to 0")]),
    ...deadlineCauses(spec["activeDeadlineSeconds"]),
    ...objectsIn(spec, "initContainers").flatMap(({ restartPolicy: own }, index) =>
      oneOf(`spec.initContainers[${index}].restartPolicy`, own, ["Always"]),
    ),
  ];
}

/** On the host's network a container port is a port of the host; a port is taken once. */
function hostPortCauses(spec: JsonObject): Causes {
  const taken = new Set<string>();
  return objectsIn(spec, "containers").flatMap((container, at) =>
    objectsIn(container, "ports").flatMap((port, index) => {
      const path = `spec.containers[${at}].ports[${index}]`;
      const { hostPort = 0, containerPort, protocol = "TCP" } = port;
      if (hostPort === 0) return [];
      const key = `${String(protocol)}/${textIn(port, "hostIP")}/${String(hostPort)}`;
      const twice = taken.has(key);
      taken.add(key);
      const differs = spec["hostNetwork"] === true && hostPort !== containerPort;
      const detail = "must match `hostPort` when `hostNetwork` is true";
      return [
        ...(twice ? [duplicateValue(`${path}.hostPort`, key)] : []),
        ...(differs ? [invalidValue(`${path}.containerPort`, containerPort, detail)] : []),
      ];
    }),
  );
}

function textProblems(
  spec: JsonObject,
  field: string,
  problems: (text: string) => readonly string[],
): Causes {
  const value = textIn(spec, field);
  return value === "" ? [] : problemCauses(`spec.${field}`, value, problems(value));
}

function placeCauses(spec: JsonObject): Causes {
  const { nodeSelector } = spec;
  const selector = isObject(nodeSelector) ? Object.entries(nodeSelector) : [];
  return [
    ...textProblems(spec, "nodeName", subdomainProblems),
    ...textProblems(spec, "serviceAccountName", subdomainProblems),
    ...textProblems(spec, "hostname", labelNameProblems),
    ...selector.flatMap(([key, value]) => [
      ...problemCauses("spec.nodeSelector", key, qualifiedNameProblems(key)),
      ...problemCauses("spec.nodeSelector", value, labelValueProblems(String(value))),
    ]),
    ...objectsIn(spec, "readinessGates").flatMap((gate, index) => {
      const type = textIn(gate, "conditionType");
      const path = `spec.readinessGates[${index}].conditionType`;
      return problemCauses(path, type, qualifiedNameProblems(type));
    }),
  ];
}

const badAddress = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const maxNameservers = 3;
const maxSearches = 32;

function addressCauses(value: unknown, path: string): Causes {
  return isIP(String(value)) > 0 ? [] : [invalidValue(path, value, badAddress)];
}

const listIn = (object: JsonObject | undefined, field: string): readonly unknown[] => {
  const list = object?.[field];
  return Array.isArray(list) ? list : [];
};

function resolverCauses(spec: JsonObject): Causes {
  const config = objectIn(spec, "dnsConfig");
  const nameservers = listIn(config, "nameservers");
  const searches = listIn(config, "searches");
  const path = "spec.dnsConfig";
  const lacks = spec["dnsPolicy"] === "None" && nameservers.length === 0;
  const need = "must provide at least one DNS nameserver when `dnsPolicy` is None";
  return [
    ...objectsIn(spec, "hostAliases").flatMap((alias, index) => [
      ...addressCauses(alias["ip"], `spec.hostAliases[${index}].ip`),
      ...listIn(alias, "hostnames").flatMap((name, at) => {
        const where = `spec.hostAliases[${index}].hostnames[${at}]`;
        return problemCauses(where, name, subdomainProblems(String(name)));
      }),
    ]),
    ...(lacks ? [requiredValue(`${path}.nameservers`, need)] : []),
    ...tooMany(nameservers, maxNameservers, `${path}.nameservers`, "nameservers"),
    ...nameservers.flatMap((ip, index) => addressCauses(ip, `${path}.nameservers[${index}]`)),
    ...tooMany(searches, maxSearches, `${path}.searches`, "search paths"),
    ...objectsIn(config, "options").flatMap((option, index) =>
      textIn(option, "name") === "" ? [requiredValue(`${path}.options[${index}]`)] : [],
    ),
  ];
}

function tooMany(list: readonly unknown[], max: number, path: string, what: string): Causes {
  if (list.length <= max) return [];
  return [invalidValue(path, list, `must not have more than ${max} ${what}`)];
}

const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;

function securityCauses(spec: JsonObject): Causes {
  const path = "spec.securityContext";
  const context = objectIn(spec, "securityContext");
  const both = spec["shareProcessNamespace"] === true && spec["hostPID"] === true;
  const why = "ShareProcessNamespace and HostPID cannot both be enabled";
  const names = new Set<string>();
  return [
    ...(both ? [invalidValue("spec.shareProcessNamespace", true, why)] : []),
    ...contextCauses(context, path),
    ...objectsIn(context, "sysctls").flatMap((sysctl, index) => {
      const name = textIn(sysctl, "name");
      const at = `${path}.sysctls[${index}].name`;
      if (name === "") return [requiredValue(at)];
      if (names.has(name)) return [duplicateValue(at, name)];
      names.add(name);
      const detail = `must have at most 253 characters and match regex ${sysctlName.source}`;
      return name.length <= 253 && sysctlName.test(name) ? [] : [invalidValue(at, name, detail)];
    }),
  ];
}
