import type { JsonObject } from "../../machinery/equality.ts";
import type { Kind } from "../kinds/kind.ts";
import { beginSlice, turnOf } from "../objects/slices.ts";
import { builtInDefinitions } from "./builtin.ts";
import { schemasOf } from "./document.ts";
import { gnosticDocument, gnosticPart, type Section } from "./gnostic.ts";
import { pathsOf } from "./paths.ts";
import { definitionOf } from "./schemas.ts";
import { toV2Path } from "./v2-paths.ts";
import { toV2Schema } from "./v2-schema.ts";

/** How the document is written. */
export type Form = "json" | "protobuf";

const about = { swagger: "2.0", info: { title: "Lighthouse", version: "v1" } };

function toV2Definition(schema: JsonObject): JsonObject {
  const converted = toV2Schema(schema);
  // A kind whose fields are not known is still an object; kubectl looks its kind up.
  const isKind = converted["x-kubernetes-group-version-kind"] !== undefined;
  return isKind ? { type: "object", ...converted } : converted;
}

type Writer = {
  readonly part: (section: Section, name: string, content: JsonObject) => Buffer;
  readonly join: (parts: Readonly<Record<Section, readonly Buffer[]>>) => Buffer;
};

function joinJson(parts: readonly Buffer[]): Buffer {
  const comma = Buffer.from(",");
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [comma, part])));
}

const writers: Readonly<Record<Form, Writer>> = {
  json: {
    part: (_section, name, content) =>
      Buffer.from(`${JSON.stringify(name)}:${JSON.stringify(content)}`),
    join: ({ paths, definitions }) =>
      Buffer.concat([
        Buffer.from(`${JSON.stringify(about).slice(0, -1)},"paths":{`),
        joinJson(paths),
        Buffer.from('},"definitions":{'),
        joinJson(definitions),
        Buffer.from("}}\n"),
      ]),
  },
  protobuf: { part: gnosticPart, join: (parts) => gnosticDocument(about, parts) },
};

/** Parts of a form by the kind or schema that they are made from. */
type Kept = WeakMap<object, readonly Buffer[]>;

const kept: Readonly<Record<Form, Kept>> = { json: new WeakMap(), protobuf: new WeakMap() };

function once(form: Form, source: object, make: () => readonly Buffer[]): readonly Buffer[] {
  let parts = kept[form].get(source);
  if (parts === undefined) kept[form].set(source, (parts = make()));
  return parts;
}

/**
 * The one OpenAPI v2 document of all kinds: what the documents of version 3 say per group and
 * version, in the older language. kubectl up to 1.28 reads nothing else; newer ones read it before
 * they update a custom resource. Other requests have their turn meanwhile; when the kinds change,
 * only the parts of those that did are made again.
 */
export async function openApiV2Document(kinds: readonly Kind[], form: Form): Promise<Buffer> {
  const { part, join } = writers[form];
  const builtIn = await builtInDefinitions();
  const schemas = schemasOf(kinds, builtIn);
  const paths: Buffer[] = [];
  const definitions: Buffer[] = [];
  const work = [
    ...kinds.map((kind) => () => {
      const makePaths = (): readonly Buffer[] =>
        Object.entries(pathsOf(kind, (gvk) => definitionOf(gvk, builtIn))).map(([path, item]) =>
          part("paths", path, toV2Path(item)),
        );
      paths.push(...once(form, kind, makePaths));
    }),
    ...Object.entries(schemas).map(([name, schema]) => () => {
      const make = (): readonly Buffer[] => [part("definitions", name, toV2Definition(schema))];
      definitions.push(...once(form, schema, make));
    }),
  ];
  const slice = beginSlice();
  for (const step of work) {
    step();
    if (!slice.spent()) continue;
    await turnOf();
    slice.restart();
  }
  return join({ paths, definitions });
}
