import type { RawClient } from "./raw.ts";

/** How discovery describes answers of a resource. */
export type ResponseKind = {
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
};

/** A resource as the aggregated discovery names it, with where it is. */
export type Discovered = {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly responseKind?: ResponseKind;
  readonly verbs: readonly string[];
  readonly subresources?: readonly {
    readonly subresource: string;
    readonly responseKind?: ResponseKind;
  }[];
};

type Group = {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly {
    readonly version: string;
    readonly resources: readonly Omit<Discovered, "group" | "version">[];
  }[];
};

/** What kubectl asks for, and what the answer must call itself. */
export const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** Everything that is served. */
export async function discover(raw: RawClient): Promise<readonly Discovered[]> {
  const headers = { accept: aggregated };
  const answers = await Promise.all(
    ["/api", "/apis"].map((path) => raw.send("GET", path, { headers })),
  );
  return answers
    .flatMap(({ body }) => (body["items"] ?? []) as readonly Group[])
    .flatMap(({ metadata, versions }) =>
      versions.flatMap(({ version, resources }) =>
        resources.map((one) => ({ ...one, group: metadata.name ?? "", version })),
      ),
    );
}

/** The path of all objects of a resource, e.g. `/api/v1/pods`. */
export function collectionOf({ group, version, resource }: Discovered): string {
  return group === "" ? `/api/${version}/${resource}` : `/apis/${group}/${version}/${resource}`;
}
