import { forbidden } from "../../machinery/errors.ts";
import { collectionPrefix } from "../../store/keys.ts";
import { isObject, objectIn, objectsIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import type { Storage } from "../objects/storage.ts";
import type { Admission, FinalReview, Review } from "./chain.ts";
import { fillLimits, limitProblems } from "./limit-range-checks.ts";

const type = { group: "", plural: "limitranges" };

/** What the defaults of a pod came from. */
const annotationName = "kubernetes.io/limit-ranger";

/** All items of the LimitRanges of a namespace. */
function limitsIn({ cache }: Pick<Storage, "cache">, namespace: string): readonly JsonObject[] {
  return cache
    .list(collectionPrefix(type, namespace))
    .flatMap(({ object }) =>
      objectsIn(isObject(object["spec"]) ? object["spec"] : undefined, "limits"),
    );
}

function isNewPod({ kind, operation, subresource }: Review | FinalReview): boolean {
  return (
    operation === "CREATE" && subresource === "" && kind.group === "" && kind.plural === "pods"
  );
}

/**
 * New pods get what LimitRanges of their namespace say by default, and must keep within their bounds.
 * What pods ask for never changes later.
 * @see https://kubernetes.io/docs/concepts/policy/limit-range/
 */
export function limitRangeAdmission(storage: Pick<Storage, "cache">): Admission {
  return {
    async admit(review) {
      const { object, namespace } = review;
      if (!isNewPod(review) || object === undefined) return;
      const filled = fillLimits(objectIn(object, "spec") ?? {}, limitsIn(storage, namespace));
      if (filled.length === 0) return;
      const text = `LimitRanger plugin set: ${filled.join("; ")}`;
      object.metadata.annotations = { ...object.metadata.annotations, [annotationName]: text };
    },
    async judge(review) {
      const { kind, object, namespace, name } = review;
      if (!isNewPod(review)) return;
      const spec = isObject(object["spec"]) ? object["spec"] : {};
      const problems = limitProblems(spec, limitsIn(storage, namespace));
      if (problems.length === 0) return;
      const why = problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
      throw forbidden(kind, object.metadata.name ?? name, why);
    },
  };
}
