import { canonicalJson } from "../../api/machinery/equality.ts";
import { shortHash } from "../../api/machinery/names.ts";
import type { PodTemplate } from "../../crds/types.gen.ts";

/** Objects of a cache are frozen, and each pass asks for the same ones: hashing them once is enough. */
const known = new WeakMap<PodTemplate, string>();

/**
 * Ten characters that tell templates apart, e.g. `k7d2m9x4fb`. Field order does not count. Only
 * the template counts: replicas, placement and strategy change without a new Revision.
 */
export function templateHash(template: PodTemplate): string {
  const hash = known.get(template) ?? shortHash(canonicalJson(template));
  known.set(template, hash);
  return hash;
}
