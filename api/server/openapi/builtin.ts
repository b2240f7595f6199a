import { readFile } from "node:fs/promises";
import type { JsonSchema } from "../kinds/kind.ts";

/** Schemas by definition name, e.g. `io.k8s.api.core.v1.Pod`; they refer to each other. */
export type Definitions = ReadonlyMap<string, JsonSchema>;

let loaded: Promise<Definitions> | undefined;

async function load(): Promise<Definitions> {
  const text = await readFile(new URL("builtin.gen.json", import.meta.url), "utf8");
  const { schemas } = JSON.parse(text) as { readonly schemas: Record<string, JsonSchema> };
  return new Map(Object.entries(schemas));
}

/**
 * The generated schemas of the built-in kinds. Read when the first client asks for a document:
 * a start must not pay for them.
 */
export function builtInDefinitions(): Promise<Definitions> {
  loaded ??= load();
  return loaded;
}
