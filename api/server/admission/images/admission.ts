import { annotation } from "../../../../crds/labels.ts";
import { forbidden, invalid } from "../../../machinery/errors.ts";
import { invalidValue } from "../../../machinery/field-causes.ts";
import {
  allowedImageProblem,
  type ImagePolicy,
  imageProblem,
} from "../../../machinery/images/image-policy.ts";
import type { AnyObject } from "../../../machinery/object.ts";
import { storeKey } from "../../../store/keys.ts";
import { objectsIn, textIn } from "../../kinds/fill.ts";
import type { JsonObject } from "../../kinds/kind.ts";
import { readItem, type Storage } from "../../objects/storage.ts";
import type { Admission, FinalReview } from "../chain.ts";
import { changedTemplate, type PodTemplate } from "../pod-templates.ts";

/** Where images may come from in the whole cluster. */
export type ImageSettings = ImagePolicy & {
  /** Namespaces that the cluster's policy leaves out. */
  readonly exemptNamespaces: readonly string[];
};

/** Everything from everywhere. */
export const anyImages: ImageSettings = { requireDigest: false, exemptNamespaces: [] };

const namespaces = { group: "", plural: "namespaces" } as const;

const listed = (text: string): readonly string[] =>
  text
    .split(",")
    .map((rule) => rule.trim())
    .filter((rule) => rule !== "");

/** What the annotations of a namespace ask for; they can only narrow what the cluster allows. */
function ownPolicy(namespace: AnyObject | undefined): ImagePolicy {
  const annotations = namespace?.metadata.annotations ?? {};
  const allowed = annotations[annotation.allowedImages];
  return {
    // A word that nobody knows is no leave: it was meant to forbid something.
    requireDigest: (annotations[annotation.requireDigest] ?? "false") !== "false",
    ...(allowed === undefined ? {} : { allowed: listed(allowed) }),
  };
}

type Image = { readonly image: string; readonly field: string };

function imagesOf({ spec, path }: PodTemplate): readonly Image[] {
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((list) =>
    objectsIn(spec as unknown as JsonObject, list).map((container, at) => ({
      image: textIn(container, "image"),
      field: `${path}.${list}[${at}].image`,
    })),
  );
}

type Parts = { readonly storage: Storage; readonly settings: ImageSettings };

async function judgeImages(
  { storage, settings }: Parts,
  { kind, name, namespace, object }: FinalReview,
  template: PodTemplate,
): Promise<void> {
  const key = storeKey(namespaces, { name: namespace });
  const found = storage.cache.newest(key) ?? (await readItem(storage, key));
  const isExempt = settings.exemptNamespaces.includes(namespace);
  const policies: readonly (readonly [string, ImagePolicy])[] = [
    ...(isExempt ? [] : [["the cluster", settings] as const]),
    [`namespace "${namespace}"`, ownPolicy(found?.object)],
  ];
  for (const { image, field } of imagesOf(template)) {
    for (const [whose, policy] of policies) {
      const problem = imageProblem(image, policy);
      if (problem === undefined) continue;
      const why = `violates the image policy of ${whose}: ${field}: ${JSON.stringify(image)} ${problem}`;
      throw forbidden(kind, object.metadata.name ?? name, why);
    }
  }
}

/** @throws StatusError `Invalid` for annotations that nobody can follow */
function judgeNamespace({ kind, object, before }: FinalReview): void {
  const value = (name: string): string | undefined => object.metadata.annotations?.[name];
  const isNew = (name: string): boolean =>
    value(name) !== undefined && value(name) !== before?.metadata.annotations?.[name];
  const at = (name: string): string => `metadata.annotations[${name}]`;
  const { allowedImages, requireDigest } = annotation;
  const rules = isNew(allowedImages) ? listed(value(allowedImages) ?? "") : [];
  const causes = rules.flatMap((rule) => {
    const problem = allowedImageProblem(rule);
    return problem === undefined ? [] : [invalidValue(at(allowedImages), rule, problem)];
  });
  const required = isNew(requireDigest) ? value(requireDigest) : "true";
  if (required !== "true" && required !== "false")
    causes.push(invalidValue(at(requireDigest), required, 'must be "true" or "false"'));
  if (causes.length > 0) throw invalid(kind, object.metadata.name, causes);
}

/**
 * Keeps Pods, and templates they are made from, to images from where the cluster and their
 * namespace allow.
 */
export function imageAdmission(parts: Parts): Admission {
  return {
    async judge(review) {
      const { kind, subresource, operation } = review;
      if (kind.group === "" && kind.plural === "namespaces") {
        if (subresource === "" && operation !== "DELETE") judgeNamespace(review);
        return;
      }
      const template = changedTemplate(review);
      if (template !== undefined) await judgeImages(parts, review, template);
    },
  };
}
