import { canonicalJson } from "../../api/machinery/equality.ts";
import { shortHash } from "../../api/machinery/names.ts";
import { annotation } from "../../crds/labels.ts";
import type { PodTemplate } from "../../crds/types.gen.ts";

/** Objects of a cache are frozen, and each pass asks for the same ones: hashing them once is enough. */
const known = new WeakMap<PodTemplate, string>();

/** The part of a {@link Seen.hash} that is about the template alone. */
export function templatePart(hash: string): string {
  return hash.split(".", 1)[0] ?? "";
}

/**
 * Ten characters that tell templates apart, e.g. `k7d2m9x4fb`. Field order does not count. Only
 * the template counts: replicas, placement and strategy change without a new Revision.
 */
export function templateHash(template: PodTemplate): string {
  const hash = known.get(template) ?? shortHash(canonicalJson(template));
  known.set(template, hash);
  return hash;
}

const knownContent = new WeakMap<PodTemplate, string>();

function withoutRestart(template: PodTemplate): PodTemplate {
  const { [annotation.restartedAt]: _restartedAt, ...annotations } =
    template.metadata?.annotations ?? {};
  return { ...template, metadata: { ...template.metadata, annotations } };
}

/**
 * Like {@link templateHash}, but the same for a template and one that only asks for a restart of it:
 * what is restarted runs the same images as before, wherever their tags point to by now.
 */
export function contentHash(template: PodTemplate): string {
  const hash = knownContent.get(template) ?? shortHash(canonicalJson(withoutRestart(template)));
  knownContent.set(template, hash);
  return hash;
}
