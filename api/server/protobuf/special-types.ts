import type { JsonObject } from "../kinds/kind.ts";
import { parseJson } from "../objects/json-body.ts";
import { bytesOf, malformed, numberOf, textOf, WireReader, type WireValue } from "./wire.ts";

/** Reads the content of a message as JSON; `undefined` where JSON says nothing or null. */
type Reader = (bytes: Buffer) => unknown;

/** Fields of a message; of a repeated one the last counts. */
function fieldsOf(bytes: Buffer): ReadonlyMap<number, WireValue> {
  const fields = new Map<number, WireValue>();
  for (const reader = new WireReader(bytes); reader.more;) fields.set(...reader.field());
  return fields;
}

function quantity(bytes: Buffer): unknown {
  const text = fieldsOf(bytes).get(1);
  return text === undefined ? "0" : textOf(text);
}

function intOrString(bytes: Buffer): unknown {
  const fields = fieldsOf(bytes);
  const [type, number, text] = [fields.get(1), fields.get(2), fields.get(3)];
  if (type !== undefined && numberOf(type) === 1) return text === undefined ? "" : textOf(text);
  return number === undefined ? 0 : numberOf(number) | 0;
}

// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, as Unix time.
const firstSecond = -62_135_596_800;
const lastSecond = 253_402_300_799;

/** Empty stands for the zero time, which JSON writes as null. */
const time =
  (fraction: (nanos: number) => string): Reader =>
  (bytes) => {
    if (bytes.length === 0) return undefined;
    const fields = fieldsOf(bytes);
    const [seconds, nanos] = [1, 2].map((number) => {
      const value = fields.get(number);
      return value === undefined ? 0 : numberOf(value);
    });
    if (seconds === undefined || !(seconds >= firstSecond && seconds <= lastSecond)) {
      throw malformed("a time lies outside of the years 1 to 9999");
    }
    if (nanos === undefined || nanos < 0 || nanos > 999_999_999) {
      throw malformed("a time has a fraction that is no fraction of a second");
    }
    return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, `${fraction(nanos)}Z`);
  };

const micros = (nanos: number): string =>
  `.${Math.floor(nanos / 1000)
    .toString()
    .padStart(6, "0")}`;

/** Values of any shape travel as JSON text. */
function rawJson(bytes: Buffer): unknown {
  const raw = fieldsOf(bytes).get(1);
  if (raw === undefined || bytesOf(raw).length === 0) return undefined;
  return parseJson(textOf(raw)).value;
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

/** Messages whose JSON is not an object of their fields. */
export const specialReaders: ReadonlyMap<string, Reader> = new Map([
  ["io.k8s.apimachinery.pkg.api.resource.Quantity", quantity],
  ["io.k8s.apimachinery.pkg.util.intstr.IntOrString", intOrString],
  [`${meta}.Time`, time(() => "")],
  [`${meta}.MicroTime`, time(micros)],
  [`${meta}.FieldsV1`, rawJson],
  ["io.k8s.apimachinery.pkg.runtime.RawExtension", rawJson],
  [`${extensions}.JSON`, rawJson],
]);

/** Messages that stand for one of several values: what JSON shows of the fields that were read. */
export const unions: ReadonlyMap<string, (fields: JsonObject) => unknown> = new Map([
  [`${extensions}.JSONSchemaPropsOrBool`, ({ schema, allows }) => schema ?? allows ?? false],
  [`${extensions}.JSONSchemaPropsOrArray`, ({ schema, jSONSchemas }) => jSONSchemas ?? schema],
  [`${extensions}.JSONSchemaPropsOrStringArray`, ({ schema, property }) => property ?? schema],
]);
