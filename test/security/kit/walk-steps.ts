import { dockerOperations } from "../../../api/machinery/docker/operations.ts";
import type { Route } from "./served-routes.ts";
import type { Step } from "./walker.ts";

/** A resource as discovery lists it. */
type Listed = { readonly name: string; readonly namespaced: boolean };
type Group = { readonly versions: readonly { readonly groupVersion: string }[] };

/** Where the walk goes: a namespace and the name of an object, which need not be there. */
export type Place = { readonly namespace: string; readonly name: string };

/** A resource, and where its paths begin: `/api/v1` or `/apis/GROUP/VERSION`. */
export type Resource = Listed & { readonly base: string };

/** Reads JSON that the walker, who may everything, is answered with. */
type ReadJson = (url: string) => Promise<unknown>;

/** Every resource and subresource that discovery lists, those of CRDs among them. */
export async function servedResources(read: ReadJson): Promise<readonly Resource[]> {
  const { groups } = (await read("/apis")) as { readonly groups: readonly Group[] };
  const bases = groups.flatMap(({ versions }) =>
    versions.map(({ groupVersion }) => `/apis/${groupVersion}`),
  );
  const lists = ["/api/v1", ...bases].map(async (base) => {
    const { resources } = (await read(base)) as { readonly resources: readonly Listed[] };
    return resources.map((resource) => ({ ...resource, base }));
  });
  return (await Promise.all(lists)).flat();
}

const dry = "dryRun=All";
/** A watch from there ends at once: nothing can follow. */
const future = 999_999_999;

/** Every method on every path of a resource, whether it is served or not: a refusal says neither. */
export function stepsOf({ base, name: full, namespaced }: Resource, at: Place): readonly Step[] {
  const [plural = "", ...parts] = full.split("/");
  const root = namespaced ? `${base}/namespaces/${at.namespace}/${plural}` : `${base}/${plural}`;
  const object = [root, at.name, ...parts].join("/");
  const ofObject: readonly Step[] = [
    { method: "GET", url: object },
    { method: "HEAD", url: object },
    { method: "POST", url: `${object}?${dry}` },
    { method: "PUT", url: `${object}?${dry}` },
    { method: "PATCH", url: `${object}?${dry}` },
    { method: "DELETE", url: `${object}?${dry}` },
  ];
  if (parts.length > 0) return ofObject;
  return [
    ...ofObject,
    { method: "GET", url: root },
    { method: "GET", url: `${root}?watch=true&resourceVersion=${future}` },
    { method: "GET", url: `${root}?fieldSelector=metadata.name%3D${at.name}` },
    { method: "POST", url: `${root}?${dry}` },
    { method: "DELETE", url: `${root}?${dry}` },
    ...(namespaced ? [{ method: "GET", url: `${base}/${plural}` }] : []),
  ];
}

/** Every row of the table of the Docker API, those that are never answered among them. */
export function dockerSteps(node: string): readonly Step[] {
  const fill = (pattern: string): string => pattern.replaceAll(/\{[^}]*\}/g, "x");
  return dockerOperations.map(({ method, pattern }) => ({
    method,
    url: `/api/v1/nodes/${node}/proxy${fill(pattern)}`,
  }));
}

const proxied = ["", "/metrics", "/stats", "/v1.41/info", "/no/such/path", "/%2e%2e/info"];

/** Routes with patterns of their own, with something in the place of each placeholder. */
export function routeSteps(routes: readonly Route[], at: Place): readonly Step[] {
  return routes.flatMap(({ method, pattern }) => {
    const url = pattern
      .replaceAll(":namespace", at.namespace)
      .replaceAll(":version", "v1")
      .replaceAll(":group", "lighthouse.dev")
      .replaceAll(/:[a-zA-Z]+/g, at.name);
    if (!url.endsWith("*")) return [{ method, url }];
    const base = url.slice(0, -2);
    return proxied.map((rest) => ({ method, url: `${base}${rest}` }));
  });
}

/** One step of each kind. */
export function distinct(steps: readonly Step[]): readonly Step[] {
  return [...new Map(steps.map((step) => [`${step.method} ${step.url}`, step])).values()];
}

/** Takes all steps, some at once, and gives each its answer. */
export async function walk<T, Of>(
  steps: readonly Of[],
  take: (step: Of) => Promise<T>,
): Promise<readonly T[]> {
  const width = 16;
  const answers: T[] = [];
  for (let start = 0; start < steps.length; start += width) {
    answers.push(...(await Promise.all(steps.slice(start, start + width).map(take))));
  }
  return answers;
}
