import type { StatusCause } from "../../machinery/errors.ts";
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  requiredValue,
  tooManyValues,
} from "../../machinery/field-causes.ts";
import { rfc1035LabelProblems } from "../../machinery/names.ts";
import { schemaAt } from "../../machinery/schema-field-path.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { equalJson } from "../../machinery/equality.ts";
import type { PrinterColumn } from "../kinds/printer-columns.ts";
import { schemaCauses } from "../schema/schema-check.ts";
import type { CrdVersion } from "./crd.ts";

/** The same version before an update. */
type Past = { readonly before: CrdVersion | undefined; readonly sameSchema: boolean };

const maxSelectableFields = 8;
const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = [
  "binary",
  "bool",
  "byte",
  "date",
  "date-time",
  "double",
  "float",
  "int32",
  "int64",
  "password",
];

/** Keywords that the root of a schema may have when its status has an endpoint of its own. */
const rootKeywords = [
  "Description",
  "Type",
  "Format",
  "Title",
  "Maximum",
  "ExclusiveMaximum",
  "Minimum",
  "ExclusiveMinimum",
  "MaxLength",
  "MinLength",
  "Pattern",
  "MaxItems",
  "MinItems",
  "UniqueItems",
  "MultipleOf",
  "Required",
  "Items",
  "Properties",
  "ExternalDocs",
  "Example",
  "XPreserveUnknownFields",
  "XValidations",
];
const rootKeywordNames: ReadonlySet<string> = new Set([
  ...rootKeywords.map((keyword) => keyword.charAt(0).toLowerCase() + keyword.slice(1)),
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-validations",
]);

function deprecationCauses(
  { deprecated, deprecationWarning: text }: CrdVersion,
  at: string,
): StatusCause[] {
  if (text === undefined) return [];
  const wrong = (detail: string): StatusCause =>
    invalidValue(`${at}.deprecationWarning`, text, detail);
  if (deprecated !== true) return [wrong("can only be set for deprecated versions")];
  const causes: StatusCause[] = [];
  if (Buffer.byteLength(text) > 256) causes.push(wrong("must be <= 256 characters long"));
  if (text === "") causes.push(wrong("must not be an empty string"));
  const bad = text.search(/[^\P{C}]|[^\P{Z} ]/u);
  if (bad >= 0)
    causes.push(
      wrong(
        `must only contain printable UTF-8 characters; non-printable character found at index ${bad}`,
      ),
    );
  return causes;
}

function rootCauses(schema: JsonSchemaProps, at: string, hasStatus: boolean): StatusCause[] {
  const causes: StatusCause[] = [];
  if (hasStatus && schema.type !== undefined && schema.type !== "object")
    causes.push(
      invalidValue(
        `${at}.type`,
        schema.type,
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
      ),
    );
  const other = Object.keys(schema).find(
    (keyword) => !rootKeywordNames.has(keyword) && keyword !== "nullable",
  );
  if (hasStatus && other !== undefined)
    causes.push(
      invalidValue(
        at,
        other,
        `only [${rootKeywords.join(" ")}] fields are allowed at the root of the schema if the status subresource is enabled`,
      ),
    );
  if (schema.nullable === true)
    causes.push(forbiddenValue(`${at}.nullable`, "nullable cannot be true at the root"));
  return causes;
}

/** A path of fields such as `.spec.replicas`; columns may go further than this looks. */
function pathCauses(path: string, at: string): StatusCause[] {
  if (path.startsWith(".")) return [];
  return [invalidValue(at, path, "must be a simple json path starting with .")];
}

function scalePathCauses(path: string, at: string, under: readonly string[]): StatusCause[] {
  const causes = pathCauses(path, at);
  if (causes.length > 0 || under.some((start) => path.startsWith(`${start}.`))) return causes;
  const where = under.length === 1 ? `under ${under[0]}` : "under either .spec or .status";
  return [invalidValue(at, path, `should be a json path ${where}`)];
}

function scaleCauses({ subresources }: CrdVersion, at: string): StatusCause[] {
  const { scale } = subresources ?? {};
  if (scale === undefined) return [];
  const place = `${at}.subresources.scale`;
  const needed = (field: "specReplicasPath" | "statusReplicasPath", under: string) => {
    const path: string | undefined = scale[field];
    const where = `${place}.${field}`;
    if ((path ?? "") === "") return [requiredValue(where)];
    return scalePathCauses(path, where, [under]);
  };
  const { labelSelectorPath = "" } = scale;
  const selector =
    labelSelectorPath === ""
      ? []
      : scalePathCauses(labelSelectorPath, `${place}.labelSelectorPath`, [".spec", ".status"]);
  return [
    ...needed("specReplicasPath", ".spec"),
    ...needed("statusReplicasPath", ".status"),
    ...selector,
  ];
}

function columnCauses(column: Partial<PrinterColumn>, at: string): StatusCause[] {
  const { name = "", type = "", format = "", jsonPath = "" } = column;
  const causes: StatusCause[] = [];
  const typeDetail = `must be one of ${columnTypes.join(",")}`;
  if (name === "") causes.push(requiredValue(`${at}.name`));
  if (type === "") causes.push(requiredValue(`${at}.type`, typeDetail));
  else if (!columnTypes.includes(type)) causes.push(invalidValue(`${at}.type`, type, typeDetail));
  if (format !== "" && !columnFormats.includes(format))
    causes.push(invalidValue(`${at}.format`, format, `must be one of ${columnFormats.join(",")}`));
  if (jsonPath === "") causes.push(requiredValue(`${at}.jsonPath`));
  else causes.push(...pathCauses(jsonPath, `${at}.jsonPath`));
  return causes;
}

function selectableCause(
  path: string,
  schema: JsonSchemaProps,
  at: string,
): readonly StatusCause[] {
  if (path === "") return [requiredValue(at)];
  const found = schemaAt(schema, path, { arrayNotation: false });
  if (typeof found === "string") return [invalidValue(at, path, `is an invalid path: ${found}`)];
  const causes: StatusCause[] = [];
  if (found.segments[0] === "metadata")
    causes.push(invalidValue(at, path, "must not point to fields in metadata"));
  if (!["string", "boolean", "integer"].includes(found.schema.type ?? ""))
    causes.push(
      invalidValue(
        at,
        path,
        "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
      ),
    );
  return causes;
}

function selectableCauses(version: CrdVersion, at: string, past: Past): StatusCause[] {
  const { selectableFields: fields = [], schema } = version;
  if (fields.length === 0) return [];
  const whole = schema?.openAPIV3Schema;
  if (whole === undefined)
    return [
      invalidValue(at, "", "may only be set when `version.schema.openAPIV3Schema` is included"),
    ];
  const seen = new Set<string>();
  const causes: StatusCause[] = [];
  for (const [i, { jsonPath = "" }] of fields.entries()) {
    const field = `${at}[${i}].jsonPath`;
    const found = selectableCause(jsonPath, whole, field);
    causes.push(...found);
    if (seen.has(jsonPath)) causes.push(duplicateValue(field, jsonPath));
    if (jsonPath !== "") seen.add(jsonPath);
  }
  const kept = equalJson(past.before?.selectableFields, fields);
  if (seen.size > maxSelectableFields && !kept)
    causes.push(tooManyValues(at, seen.size, maxSelectableFields));
  return causes;
}

/** Everything that is wrong with one version of a CRD; `at` is its path. */
export function versionCauses(version: CrdVersion, at: string, past: Past): readonly StatusCause[] {
  const schema = version.schema?.openAPIV3Schema;
  const place = `${at}.schema.openAPIV3Schema`;
  const problems = rfc1035LabelProblems(version.name ?? "");
  const name =
    problems.length === 0
      ? []
      : [invalidValue(`${at}.name`, version.name ?? "", problems.join(","))];
  const hasStatus = version.subresources?.status !== undefined;
  const schemaProblems =
    schema === undefined
      ? [requiredValue(place, "schemas are required")]
      : [
          ...rootCauses(schema, place, hasStatus),
          ...schemaCauses(schema, place, { allowsCost: past.sameSchema }),
        ];
  return [
    ...name,
    ...deprecationCauses(version, at),
    ...schemaProblems,
    ...scaleCauses(version, at),
    ...(version.additionalPrinterColumns ?? []).flatMap((column, i) =>
      columnCauses(column, `${at}.additionalPrinterColumns[${i}]`),
    ),
    ...selectableCauses(version, `${at}.selectableFields`, past),
  ];
}
