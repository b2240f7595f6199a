import { expect } from "vitest";
import { eventually } from "../../kit/eventually.ts";
import { application, pod } from "./manifests.ts";
import type { Json, RawClient } from "./raw.ts";
import type { SiteAddress } from "./site.ts";

/** Metadata of an answer, as far as tests look at it. */
export type Seen = {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly continue?: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
    readonly managedFields?: readonly { readonly manager: string; readonly operation: string }[];
  };
};

/** An answer, read as an object. */
export const seen = (body: Json): Seen => body as unknown as Seen;

/** The path of a namespace's ConfigMaps. */
export const maps = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

/** The path of a namespace's Applications. */
export const apps = (namespace: string): string =>
  `/apis/lighthouse.dev/v1/namespaces/${namespace}/applications`;

/** Media types of patches. */
export const patchTypes = {
  merge: { "content-type": "application/merge-patch+json" },
  json: { "content-type": "application/json-patch+json" },
  strategic: { "content-type": "application/strategic-merge-patch+json" },
  apply: { "content-type": "application/apply-patch+yaml" },
} as const;

/** Creates a ConfigMap. */
export async function createMap(
  raw: RawClient,
  namespace: string,
  name: string,
  metadata: Json = {},
): Promise<Seen> {
  const body = { metadata: { name, ...metadata }, data: { a: "1" } };
  const { code, body: made, text } = await raw.send("POST", maps(namespace), { body });
  expect(`${code} ${text}`).toMatch(/^201 /);
  return seen(made);
}

/** Creates an Application of two slots. */
export async function createApp(raw: RawClient, namespace: string, name: string): Promise<Seen> {
  const body = application(name);
  const { code, body: made, text } = await raw.send("POST", apps(namespace), { body });
  expect(`${code} ${text}`).toMatch(/^201 /);
  return seen(made);
}

/** Creates a Pod on the site's Node, and waits until it runs. */
export async function runPod(
  {
    raw,
    site,
    namespace,
  }: { readonly raw: RawClient; readonly site: SiteAddress; readonly namespace: string },
  name: string,
): Promise<void> {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const made = await raw.send("POST", pods, { body: pod(name, { nodeName: site.node }) });
  expect(`${made.code} ${made.text}`).toMatch(/^201 /);
  await eventually(
    `pod ${name} runs`,
    async () => {
      const { body } = await raw.send("GET", `${pods}/${name}`);
      return (body["status"] as Json | undefined)?.["phase"] === "Running";
    },
    { timeoutMs: 30_000, intervalMs: 100 },
  );
}
