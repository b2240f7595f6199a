import { typeCompiler } from "../../machinery/apply/compile-type.ts";
import type { FieldType } from "../../machinery/apply/field-type.ts";
import { isJsonObject } from "../../machinery/equality.ts";
import type { JsonSchema, Kind } from "../kinds/kind.ts";

/** What field ownership knows of the kinds; each kind is compiled when it is first written. */
export interface FieldTypes {
  of(kind: Kind): FieldType;
}

const typeFields: JsonSchema = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata: { $ref: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
};

/** Compiles types from the definitions of the built-in kinds and the schemas of custom ones. */
export function fieldTypes(definitions: ReadonlyMap<string, JsonSchema>): FieldTypes {
  const compiler = typeCompiler((name) => definitions.get(name));
  const known = new WeakMap<Kind, FieldType>();
  const compile = ({ schema, definition }: Kind): FieldType => {
    if (schema === undefined) return compiler.definition(definition);
    const own = schema["properties"];
    const properties = { ...(isJsonObject(own) ? own : {}), ...typeFields };
    return compiler.compile({ ...schema, type: "object", properties });
  };
  return {
    of(kind) {
      let type = known.get(kind);
      if (type === undefined) {
        type = compile(kind);
        known.set(kind, type);
      }
      return type;
    },
  };
}
