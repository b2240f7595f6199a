import type { Client } from "../../api/client/client.ts";
import { configMaps, type Pod, secrets } from "../../api/machinery/resources.ts";
import type { PerformDeps } from "./perform.ts";
import { registryAuth } from "./registry-auth.ts";
import {
  type Bundle,
  configMapBundle,
  secretBundle,
  sourceKey,
  type SourceName,
  sourceNames,
} from "./sources.ts";

async function read(
  client: Client,
  namespace: string,
  { kind, name }: SourceName,
  signal: AbortSignal,
): Promise<Bundle | undefined> {
  const key = { namespace, name };
  if (kind === "ConfigMap") {
    const found = await client.get(configMaps, key, signal);
    return found === undefined ? undefined : configMapBundle(found);
  }
  const found = await client.get(secrets, key, signal);
  return found === undefined ? undefined : secretBundle(found);
}

/**
 * Reads what pods name from the API, each time anew: a container gets what holds when it is made,
 * and no Secret stays in the agent's memory.
 */
export function podSources(client: Client): Pick<PerformDeps, "sources" | "registryAuth"> {
  const readAll = async (
    { metadata }: Pod,
    names: readonly SourceName[],
    signal: AbortSignal,
  ): Promise<readonly (readonly [SourceName, Bundle | undefined])[]> => {
    const namespace = metadata.namespace ?? "default";
    return Promise.all(
      names.map(async (name) => [name, await read(client, namespace, name, signal)] as const),
    );
  };
  return {
    async sources(pod, signal) {
      const found = await readAll(pod, sourceNames(pod), signal);
      return new Map(
        found.flatMap(([name, bundle]) =>
          bundle === undefined ? [] : [[sourceKey(name), bundle] as const],
        ),
      );
    },
    async registryAuth(pod, reference, signal) {
      const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }): readonly SourceName[] =>
        name === undefined ? [] : [{ kind: "Secret", name }],
      );
      if (names.length === 0) return undefined;
      const found = await readAll(pod, names, signal);
      return registryAuth(
        reference,
        found.flatMap(([, bundle]) => (bundle === undefined ? [] : [bundle])),
      );
    },
  };
}
