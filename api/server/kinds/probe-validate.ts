import { forbiddenValue, invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import { type Causes, needsText, notNegative, oneOf, portCauses, present } from "./checks.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { JsonObject } from "./kind.ts";

const probeHandlers = ["exec", "httpGet", "tcpSocket", "grpc"];
const hookHandlers = ["exec", "httpGet", "tcpSocket", "sleep"];
const counts = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
];

/** What is wrong with the probes of a container. */
export function probesCauses(container: JsonObject, path: string): Causes {
  return ["livenessProbe", "readinessProbe", "startupProbe"].flatMap((name) => {
    const probe = objectIn(container, name);
    if (probe === undefined) return [];
    const at = `${path}.${name}`;
    const { successThreshold = 1 } = probe;
    // Only readiness can be lost and found again.
    const once = name === "readinessProbe" || successThreshold === 1;
    return [
      ...handlerCauses(probe, at, probeHandlers),
      ...counts.flatMap((field) => notNegative(probe, field, at)),
      ...(once ? [] : [invalidValue(`${at}.successThreshold`, successThreshold, "must be 1")]),
    ];
  });
}

/** What is wrong with the hooks of a container. */
export function lifecycleCauses(container: JsonObject, path: string): Causes {
  const lifecycle = objectIn(container, "lifecycle");
  return ["postStart", "preStop"].flatMap((name) => {
    const hook = objectIn(lifecycle ?? {}, name);
    return hook === undefined ? [] : handlerCauses(hook, `${path}.lifecycle.${name}`, hookHandlers);
  });
}

function handlerCauses(holder: JsonObject, path: string, handlers: readonly string[]): Causes {
  const [first, ...more] = present(holder, handlers);
  if (first === undefined) return [requiredValue(path, "must specify a handler type")];
  const why = "may not specify more than 1 handler type";
  return [
    ...actionCauses(first, objectIn(holder, first) ?? {}, `${path}.${first}`),
    ...more.map((name) => forbiddenValue(`${path}.${name}`, why)),
  ];
}

function actionCauses(name: string, action: JsonObject, path: string): Causes {
  switch (name) {
    case "exec": {
      const { command } = action;
      const some = Array.isArray(command) && command.length > 0;
      return some ? [] : [requiredValue(`${path}.command`)];
    }
    case "httpGet":
      return httpCauses(action, path);
    case "tcpSocket":
      return portCauses(action["port"], `${path}.port`, true);
    case "grpc":
      return portCauses(action["port"], `${path}.port`);
    default:
      return notNegative(action, "seconds", path);
  }
}

const headerName = /^[-A-Za-z0-9]+$/;
const headerProblem =
  "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";

function httpCauses(action: JsonObject, path: string): Causes {
  return [
    ...needsText(action, "path", path),
    ...portCauses(action["port"], `${path}.port`, true),
    ...oneOf(`${path}.scheme`, action["scheme"], ["HTTP", "HTTPS"]),
    ...objectsIn(action, "httpHeaders").flatMap((header, index) => {
      const name = textIn(header, "name");
      const at = `${path}.httpHeaders[${index}].name`;
      return headerName.test(name) ? [] : [invalidValue(at, name, headerProblem)];
    }),
  ];
}
