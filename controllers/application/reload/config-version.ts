import { shortHash } from "../../../api/machinery/names.ts";
import type { ObjectMeta } from "../../../api/machinery/object.ts";
import type { Application } from "../../../crds/types.gen.ts";
import { type ConfigKind, type ConfigRef, reloadRefs } from "./config-refs.ts";
import { templateHash, templatePart } from "../hash.ts";

/** The metadata of ConfigMaps and Secrets; never their values. */
export interface ConfigSource {
  /** Whether both kinds have been read once. Whoever asks makes them be read. */
  isRead(): boolean;
  /** `undefined` when there is none. */
  find(kind: ConfigKind, namespace: string, name: string): ObjectMeta | undefined;
}

/** What an Application asks for, as far as it can be told. */
export type Wanted = {
  /**
   * Hash of the template, e.g. `k7d2m9x4fb`; with the versions of what it reloads on, e.g.
   * `k7d2m9x4fb.5q24bv4974`.
   */
  readonly hash: string;
  /** Why it cannot be told, by what has to be there first; empty when it can. */
  readonly missing: readonly Missing[];
};

/** Something that has to be there before a rollout can begin. */
export type Missing = {
  /** e.g. `configmap/web-env`. */
  readonly owner: string;
  readonly message: string;
};

/**
 * Tells contents apart without telling anything of them: no hash of a value, which could be found by
 * trying, is ever kept. Servers that do not count changes of values have only the version of the
 * whole object.
 */
function versionOf({ uid, generation, resourceVersion }: ObjectMeta): string {
  return generation === undefined ? `${uid}/at/${resourceVersion}` : `${uid}/${generation}`;
}

const ownerOf = ({ kind, name }: ConfigRef): string => `${kind.toLowerCase()}/${name}`;

const unread: Missing = {
  owner: "api-server",
  message: "ConfigMaps and Secrets have not been read yet",
};

/** What the template, and what it reloads on, come to now. */
export function wantedOf(
  { metadata, spec, status }: Pick<Application, "metadata" | "spec" | "status">,
  source: ConfigSource | undefined,
): Wanted {
  const hash = templateHash(spec.template);
  const refs = reloadRefs(spec.template);
  if (refs.length === 0) return { hash, missing: [] };
  const latest = status?.rollout?.templateHash ?? "";
  // As long as the contents are not known, the latest rollout stands for its template.
  const assumed = templatePart(latest) === hash ? latest : hash;
  if (source?.isRead() !== true) return { hash: assumed, missing: [unread] };
  const { namespace = "" } = metadata;
  const found = refs.map((one) => ({ one, meta: source.find(one.kind, namespace, one.name) }));
  const missing = found
    .filter(({ one, meta }) => meta === undefined && !one.optional)
    .map(({ one }) => ({ owner: ownerOf(one), message: `${ownerOf(one)} is not there` }));
  if (missing.length > 0) return { hash: assumed, missing };
  const versions = found.map(
    ({ one, meta }) => `${ownerOf(one)}=${meta === undefined ? "" : versionOf(meta)}`,
  );
  return { hash: `${hash}.${shortHash(versions.join("\n"))}`, missing: [] };
}
