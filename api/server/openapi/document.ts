import type { JsonSchema, Kind } from "../kinds/kind.ts";
import { builtInDefinitions, type Definitions } from "./builtin.ts";
import { pathsOf } from "./paths.ts";
import { closure, customDefinitions, definitionOf, listDefinition, titleOf } from "./schemas.ts";

/** The kinds of one group and version, which share a document. */
export type GroupVersion = {
  readonly group: string;
  readonly version: string;
  readonly kinds: readonly Kind[];
};

/** An OpenAPI v3 document, as far as others read it. */
export type OpenApiDocument = {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: object;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
};

/** Every definition that the kinds, their lists and their subresources need. */
export function schemasOf(
  kinds: readonly Kind[],
  builtIn: Definitions,
): Readonly<Record<string, JsonSchema>> {
  const parts = kinds.flatMap(({ subresources }) =>
    subresources.flatMap(({ responseKind }) => definitionOf(responseKind, builtIn) ?? []),
  );
  const names = kinds.flatMap((kind) => [kind.definition, listDefinition(kind)]);
  return closure([...names, ...parts], customDefinitions(kinds), builtIn);
}

/**
 * The OpenAPI v3 document of one group and version: every path with the GVK it is about, and the
 * schemas with theirs. What kubectl needs to create, apply, replace, edit, diff and explain.
 */
export async function openApiDocument({
  group,
  version,
  kinds,
}: GroupVersion): Promise<OpenApiDocument> {
  const builtIn = await builtInDefinitions();
  const paths = kinds.map((kind) => pathsOf(kind, (gvk) => definitionOf(gvk, builtIn)));
  return {
    openapi: "3.0.0",
    info: { title: titleOf(group, version), version: "v1" },
    paths: Object.assign({}, ...paths) as object,
    components: { schemas: schemasOf(kinds, builtIn) },
  };
}
