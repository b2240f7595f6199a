import { canonicalJson } from "../../api/machinery/equality.ts";
import { shortHash } from "../../api/machinery/names.ts";
import type { PodTemplate } from "../../crds/types.gen.ts";

/**
 * Ten characters that tell templates apart, e.g. `k7d2m9x4fb`. Field order does not count. Only
 * the template counts: replicas, placement and strategy change without a new Revision.
 */
export function templateHash(template: PodTemplate): string {
  return shortHash(canonicalJson(template));
}
