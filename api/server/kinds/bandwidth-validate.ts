import { annotation } from "../../../crds/labels.ts";
import { readBandwidth } from "../../machinery/bandwidth.ts";
import { type Causes, problemCauses } from "./checks.ts";
import type { JsonObject } from "./kind.ts";

/**
 * What is wrong with the bandwidths that a pod asks for. `path` is where its annotations are; those
 * that stood there `before` are not judged again.
 */
export function bandwidthCauses(
  annotations: JsonObject | undefined,
  path: string,
  before?: JsonObject,
): Causes {
  return [annotation.ingressBandwidth, annotation.egressBandwidth].flatMap((name) => {
    const text = annotations?.[name];
    if (typeof text !== "string" || before?.[name] === text) return [];
    const read = readBandwidth(text);
    return "problem" in read ? problemCauses(`${path}[${name}]`, text, [read.problem]) : [];
  });
}
