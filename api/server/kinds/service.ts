import type { AnyObject } from "../../machinery/object.ts";
import type { BuiltIn } from "./built-in.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { isObject, objectIn, objectsIn, textIn } from "./fill.ts";

const specOf = (service: AnyObject) => objectIn(service, "spec");

function portsText(service: AnyObject): string {
  const shown = objectsIn(specOf(service), "ports").map(({ port, nodePort, protocol = "TCP" }) => {
    const published = typeof nodePort === "number" && nodePort > 0 ? `:${nodePort}` : "";
    return `${String(port)}${published}/${String(protocol)}`;
  });
  return shown.length === 0 ? "<none>" : shown.join(",");
}

function selectorText(service: AnyObject): string {
  const selector = specOf(service)?.["selector"];
  const pairs = isObject(selector) ? Object.entries(selector) : [];
  return pairs.length === 0
    ? "<none>"
    : pairs.map(([key, value]) => `${key}=${String(value)}`).join(",");
}

/**
 * core/v1 Service, for reading only, and there are none: clients such as `kubectl cluster-info`
 * take it for granted that every cluster lists them.
 */
export const serviceKind: BuiltIn = {
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  namespaced: true,
  shortNames: ["svc"],
  categories: ["all"],
  definition: "io.k8s.api.core.v1.Service",
  verbs: ["get", "list", "watch"],
  unservedReason:
    "plain Docker hosts have no virtual IP addresses to balance over; publish ports with hostPort instead",
  columns: [
    nameColumn,
    column("Type", (service) => textIn(specOf(service), "type")),
    column("Cluster-IP", (service) => textIn(specOf(service), "clusterIP") || "<none>"),
    column("External-IP", () => "<none>"),
    column("Port(s)", portsText),
    ageColumn,
    column("Selector", selectorText, { priority: 1 }),
  ],
  fields: {
    "spec.clusterIP": (service) => textIn(specOf(service), "clusterIP"),
    "spec.type": (service) => textIn(specOf(service), "type"),
  },
};
