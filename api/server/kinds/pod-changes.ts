import { equalJson } from "../../machinery/equality.ts";
import { forbiddenValue } from "../../machinery/field-causes.ts";
import type { Causes } from "./checks.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

const mayChange =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** What an update of a Pod may not change: nearly everything. */
export function changeCauses(spec: JsonObject, before: JsonObject): Causes {
  const counts = ["containers", "initContainers"].filter(
    (list) => objectsIn(spec, list).length !== objectsIn(before, list).length,
  );
  if (counts.length > 0) {
    const why = "pod updates may not add or remove containers";
    return counts.map((list) => forbiddenValue(`spec.${list}`, why));
  }
  const same = equalJson(comparable(spec), comparable(before));
  return [...tolerationChanges(spec, before), ...(same ? [] : [forbiddenValue("spec", mayChange)])];
}

/** The spec without what may change. */
function comparable(spec: JsonObject): JsonObject {
  const withoutImages = (list: string): readonly JsonObject[] =>
    objectsIn(spec, list).map((container) => ({ ...container, image: "" }));
  return {
    ...spec,
    containers: withoutImages("containers"),
    initContainers: withoutImages("initContainers"),
    tolerations: undefined,
  };
}

function tolerationChanges(spec: JsonObject, before: JsonObject): Causes {
  const timeless = (toleration: JsonObject): JsonObject => ({
    ...toleration,
    tolerationSeconds: undefined,
  });
  const have = objectsIn(spec, "tolerations").map(timeless);
  const lost = objectsIn(before, "tolerations").some(
    (old) => !have.some((one) => equalJson(one, timeless(old))),
  );
  const why = "existing toleration can not be modified except its tolerationSeconds";
  return lost ? [forbiddenValue("spec.tolerations", why)] : [];
}

const textOfName = (container: JsonObject): string => textIn(container, "name");

/** What an update through the ephemeralcontainers endpoint may not do: it only adds. */
export function ephemeralChanges(object: Body, before: JsonObject): Causes {
  const path = "spec.ephemeralContainers";
  const list = (of: JsonObject): readonly JsonObject[] =>
    objectsIn(objectIn(of, "spec"), "ephemeralContainers");
  const now = new Map(list(object).map((container) => [textOfName(container), container]));
  return list(before).flatMap((old) => {
    const name = JSON.stringify(textOfName(old));
    const found = now.get(textOfName(old));
    if (found === undefined) {
      return [forbiddenValue(path, `existing ephemeral containers ${name} may not be removed`)];
    }
    if (equalJson(found, old)) return [];
    return [forbiddenValue(path, `existing ephemeral containers ${name} may not be changed`)];
  });
}
