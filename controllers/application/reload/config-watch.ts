import type { Cache } from "../../../api/client/informer.ts";
import { keyOf, type KubeObject, type ObjectKey } from "../../../api/machinery/object.ts";
import {
  configMaps,
  metadataOf,
  type Resource,
  secrets,
} from "../../../api/machinery/resources.ts";
import type { Application } from "../../../crds/types.gen.ts";
import type { Controller, Followed } from "../../runtime/reconciler.ts";
import { source } from "../../runtime/sources.ts";
import { type ConfigKind, reloadRefs } from "./config-refs.ts";
import type { ConfigSource } from "./config-version.ts";

/** Index of Applications by what they reload on. */
export const byConfig = "reloadsOn";

const place = (kind: ConfigKind, { namespace = "", name }: ObjectKey): string =>
  `${kind}/${namespace}/${name}`;

/** Where the index files an Application, e.g. `Secret/shop/db`; nowhere without the annotation. */
export function configIndex({ metadata, spec }: Application): readonly string[] {
  const { namespace = "" } = metadata;
  return reloadRefs(spec.template).map(({ kind, name }) => place(kind, { namespace, name }));
}

/** What the controller reads of ConfigMaps and Secrets: their metadata, and nothing before it is needed. */
export type ConfigWatch = {
  readonly config: ConfigSource;
  readonly findSources: NonNullable<Controller["findSources"]>;
};

const types: readonly (readonly [ConfigKind, Resource<KubeObject>])[] = [
  ["ConfigMap", metadataOf(configMaps)],
  ["Secret", metadataOf(secrets)],
];

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Watches nothing until the first Application with the annotation asks. */
export function createConfigWatch(applications: Cache<Application>): ConfigWatch {
  const asked = Promise.withResolvers<void>();
  const followed = new Map<ConfigKind, Followed>();
  return {
    config: {
      isRead() {
        asked.resolve();
        return types.every(([kind]) => followed.get(kind)?.isSynced() === true);
      },
      find: (kind, namespace, name) => followed.get(kind)?.cache.get({ namespace, name })?.metadata,
    },
    async findSources(follow, signal) {
      await Promise.race([asked.promise, aborted(signal)]);
      if (signal.aborted) return;
      for (const [kind, type] of types) {
        const usersOf = (object: KubeObject): readonly ObjectKey[] =>
          applications.by(byConfig, place(kind, keyOf(object))).map(keyOf);
        followed.set(kind, follow(source(type, usersOf)));
      }
    },
  };
}
