import { readFile } from "node:fs/promises";
import { core } from "./packages.ts";

type Json = { readonly [field: string]: unknown };
type Facts = Json & { readonly properties?: Readonly<Record<string, Json>> };

/** How lists and maps of the built-in types are merged, as `x-kubernetes-*` keywords. */
export interface Keywords {
  /** Keywords of a type itself, e.g. `x-kubernetes-map-type: atomic`. */
  ofType(definition: string): Json;
  /** Keywords of one of its fields. */
  ofField(definition: string, field: string): Json;
}

/**
 * Defaults of fields that tell list items apart: an apply without such a field means the item that
 * has its default. Kubernetes sets them in code, so its OpenAPI v2 does not tell.
 */
const keyDefaults: Readonly<Record<string, Json>> = {
  [`${core}.ContainerPort.protocol`]: { default: "TCP" },
  [`${core}.ServicePort.protocol`]: { default: "TCP" },
  [`${core}.LocalObjectReference.name`]: { default: "" },
};

/** Reads the facts that update-schema-keywords.ts keeps. */
export async function readKeywords(): Promise<Keywords> {
  const text = await readFile(new URL("keywords.gen.json", import.meta.url), "utf8");
  const { types } = JSON.parse(text) as { readonly types: Readonly<Record<string, Facts>> };
  return {
    ofType(definition) {
      const { properties: _, ...own } = types[definition] ?? {};
      return own;
    },
    ofField: (definition, field) => ({
      ...types[definition]?.properties?.[field],
      ...keyDefaults[`${definition}.${field}`],
    }),
  };
}
