import type { KubeObject } from "../api/machinery/object.ts";

/** Marks that tools leave on what they apply. Sources: documentation of Argo CD ("Resource
 * Tracking"), Flux (kustomize and helm controllers, "Server-side apply") and Fleet ("Bundles"). */
const marks: readonly (readonly [key: string, tool: string])[] = [
  ["argocd.argoproj.io/tracking-id", "Argo CD"],
  ["argocd.argoproj.io/instance", "Argo CD"],
  ["kustomize.toolkit.fluxcd.io/name", "Flux"],
  ["helm.toolkit.fluxcd.io/name", "Flux"],
  ["objectset.rio.cattle.io/id", "Fleet"],
  ["meta.helm.sh/release-name", "Helm"],
];

/** Field managers of people at a keyboard: they do not come back on their own. */
const people = /^(kubectl|lighthouse|node|unknown|$)/;

type Fields = Readonly<Record<string, unknown>>;

function holds(fields: unknown, path: readonly string[]): boolean {
  let at: unknown = fields;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return false;
    at = (at as Fields)[`f:${step}`];
  }
  return at !== undefined;
}

/**
 * Who besides people keeps `spec.FIELD` of an object as it is written elsewhere; `undefined` when
 * nobody seems to.
 *
 * @param field below `spec`, e.g. `["template", "spec"]`
 */
export function gitOpsOwner(
  { metadata }: KubeObject,
  field: readonly string[],
): string | undefined {
  const { annotations = {}, labels = {}, managedFields = [] } = metadata;
  const owner = managedFields.find(
    ({ manager = "", subresource = "", fieldsV1 }) =>
      subresource === "" && !people.test(manager) && holds(fieldsV1, ["spec", ...field]),
  );
  if (owner?.manager !== undefined) return owner.manager;
  const isMarked = ([key]: (typeof marks)[number]): boolean => key in annotations || key in labels;
  // A tool that applies by other means sets what is in Git; a template always is, a pause may be.
  return field[0] === "template" ? marks.find(isMarked)?.[1] : undefined;
}
