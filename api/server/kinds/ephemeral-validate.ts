import { equalJson } from "../../machinery/equality.ts";
import { forbiddenValue } from "../../machinery/field-causes.ts";
import { type Causes, notFoundValue } from "./checks.ts";
import { containerCauses } from "./container-validate.ts";
import { objectsIn, textIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

/** A container for debugging must not serve, be restarted or be counted on. */
const forbidden = [
  "ports",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
  "resources",
  "resizePolicy",
  "restartPolicy",
];
const why = "cannot be set for an Ephemeral Container";

/** What is wrong with the ephemeral containers of a pod. `names` are those of all others. */
export function ephemeralCauses(
  spec: JsonObject,
  names: Set<string>,
  volumes: ReadonlySet<string>,
): Causes {
  const targets = new Set(names);
  return objectsIn(spec, "ephemeralContainers").flatMap((container, index) => {
    const path = `spec.ephemeralContainers[${index}]`;
    const target = textIn(container, "targetContainerName");
    const unknown = target !== "" && !targets.has(target);
    return [
      ...containerCauses(container, { path, names, volumes }),
      ...(unknown ? [notFoundValue(`${path}.targetContainerName`, target)] : []),
      ...forbidden
        .filter((field) => container[field] !== undefined && !equalJson(container[field], {}))
        .map((field) => forbiddenValue(`${path}.${field}`, why)),
      ...objectsIn(container, "volumeMounts").flatMap((mount, at) =>
        textIn(mount, "subPath") === ""
          ? []
          : [forbiddenValue(`${path}.volumeMounts[${at}].subPath`, why)],
      ),
    ];
  });
}
