import type { Client } from "../../api/client/client.ts";
import { parseApiVersion, type ResourceType } from "../../api/machinery/gvk.ts";

/** A kind that the server serves, with what can be done to it. */
export type ServedKind = ResourceType & { readonly verbs: readonly string[] };

type ResourceList = {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
};
type GroupList = {
  readonly groups?: readonly {
    readonly preferredVersion?: { readonly groupVersion: string };
    readonly versions?: readonly { readonly groupVersion: string }[];
  }[];
};

async function getJson<T>(
  client: Pick<Client, "raw">,
  path: string,
  signal: AbortSignal,
): Promise<T> {
  const { body } = await client.raw({ method: "GET", path }, signal);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8")) as T;
}

/**
 * Every kind that the server serves, each in its preferred version.
 *
 * @throws StatusError of any of its calls: half a list would make the rest look uninstalled.
 */
export async function discoverKinds(
  client: Pick<Client, "raw">,
  signal: AbortSignal,
): Promise<readonly ServedKind[]> {
  const { groups = [] } = await getJson<GroupList>(client, "/apis", signal);
  const versions = groups.flatMap(({ preferredVersion, versions = [] }) => {
    const preferred = preferredVersion ?? versions[0];
    return preferred === undefined ? [] : [preferred.groupVersion];
  });
  const lists = await Promise.all(
    ["v1", ...versions].map(async (text) => {
      const path = text === "v1" ? "/api/v1" : `/apis/${text}`;
      const { resources = [] } = await getJson<ResourceList>(client, path, signal);
      return { of: parseApiVersion(text), resources };
    }),
  );
  return lists.flatMap(({ of, resources }) =>
    resources
      .filter(({ name }) => of !== undefined && !name.includes("/"))
      .map(({ name, kind, namespaced, verbs }) => ({
        group: of?.group ?? "",
        version: of?.version ?? "",
        kind,
        plural: name,
        namespaced,
        verbs,
      })),
  );
}

/** What `GET /version` says; ours carries `+lighthouse` in `gitVersion`. */
export function readVersion(
  client: Pick<Client, "raw">,
  signal: AbortSignal,
): Promise<{ readonly gitVersion: string }> {
  return getJson(client, "/version", signal);
}
