import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { delimited, encodeObject, envelope, integer } from "../../../test/kit/protobuf.ts";
import type { JsonObject } from "../../machinery/equality.ts";
import { StatusError } from "../../machinery/errors.ts";
import { decodeEnvelope } from "./envelope.ts";
import { type Field, fieldTable } from "./field-table.ts";

const others = ["application/json"];
const decode = (body: Buffer): JsonObject => decodeEnvelope(body, others);

const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "web",
    labels: { app: "web", empty: "" },
    creationTimestamp: "2026-01-02T03:04:05Z",
    managedFields: [{ manager: "me", fieldsV1: { "f:spec": { "f:hostname": {} } } }],
  },
  spec: {
    volumes: [
      { name: "scratch", emptyDir: {} },
      { name: "settings", configMap: { name: "settings", optional: false } },
    ],
    containers: [
      {
        name: "web",
        env: [{ name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "a" } } }],
        livenessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 5 },
        readinessProbe: { tcpSocket: { port: 8080 } },
        resources: { limits: { cpu: "500m", memory: "1Gi" } },
        securityContext: { runAsUser: 0, privileged: false },
      },
    ],
    ephemeralContainers: [{ name: "debug", image: "busybox", targetContainerName: "web" }],
    automountServiceAccountToken: false,
    securityContext: { supplementalGroups: [0, 4_000_000_000] },
    terminationGracePeriodSeconds: 0,
  },
};

const crd = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "things.example.dev" },
  spec: {
    group: "example.dev",
    versions: [
      {
        name: "v1",
        served: false,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            additionalProperties: false,
            properties: {
              list: { items: { type: "string", enum: ["a", null, 3] }, default: [] },
              map: { additionalProperties: { type: "number", minimum: 0 } },
              open: { "x-kubernetes-preserve-unknown-fields": false },
            },
          },
        },
      },
    ],
  },
};

describe("decodeEnvelope() reads what a client in Go sent", () => {
  test.each([
    ["a Pod", pod],
    ["a CustomResourceDefinition", crd],
    [
      "a Secret",
      {
        apiVersion: "v1",
        kind: "Secret",
        data: { key: "AP8=", empty: "" },
        immutable: false,
        type: "Opaque",
      },
    ],
    [
      "a Lease with microseconds",
      {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        spec: {
          holderIdentity: "",
          leaseTransitions: 0,
          renewTime: "2026-01-02T03:04:05.000120Z",
          acquireTime: "1969-12-31T23:59:59.000000Z",
        },
      },
    ],
    [
      "a review with lists as values of a map",
      {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: { user: "me", extra: { scopes: ["a", "b"], none: [] } },
        status: { allowed: false },
      },
    ],
  ])("%s", (_name, object) => {
    expect(decode(encodeObject(object))).toEqual(object);
  });

  test("options of a deletion, which each group calls its own", () => {
    const options = { gracePeriodSeconds: 0, preconditions: { uid: "u" }, dryRun: ["All"] };
    const body = encodeObject({ apiVersion: "policy/v1", kind: "DeleteOptions", ...options });
    expect(decode(body)).toEqual({ apiVersion: "policy/v1", kind: "DeleteOptions", ...options });
  });

  test("integers that are packed into one field", () => {
    const context = delimited(14, delimited(4, Buffer.from([1, 0x90, 0x4e])));
    const body = envelope("v1", "Pod", delimited(2, context));
    expect(decode(body)["spec"]).toEqual({ securityContext: { supplementalGroups: [1, 10_000] } });
  });

  test("a message in two parts, and of a scalar the last value", () => {
    const meta = (field: Buffer): Buffer => delimited(1, field);
    const parts = [delimited(1, "a"), delimited(3, "ns"), delimited(1, "b")].map(meta);
    const body = envelope("v1", "ConfigMap", Buffer.concat(parts));
    expect(decode(body)["metadata"]).toEqual({ name: "b", namespace: "ns" });
  });

  test("fields of a newer client are skipped", () => {
    const fixed = Buffer.from([0xa5, 0x38, 1, 2, 3, 4]); // field 900 in four bytes
    const newer = [fixed, integer(900, 1), delimited(901, "x"), delimited(1, delimited(1, "a"))];
    const body = envelope("v1", "ConfigMap", Buffer.concat(newer));
    expect(decode(body)["metadata"]).toEqual({ name: "a" });
  });

  test("a time that is not set", () => {
    const body = envelope("v1", "Event", Buffer.concat([delimited(6, ""), delimited(10, "")]));
    expect(decode(body)).toEqual({ apiVersion: "v1", kind: "Event" });
  });
});

const secret = (...fields: readonly Buffer[]): Buffer =>
  envelope("v1", "Secret", Buffer.concat(fields));

/** A schema in a schema in a schema, as a body. */
function deepSchema(depth: number): Buffer {
  let schema: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level++) schema = delimited(28, schema);
  const version = delimited(7, delimited(4, delimited(1, schema)));
  return envelope(crd.apiVersion, crd.kind, delimited(2, version));
}

describe("decodeEnvelope() refuses", () => {
  test.each([
    ["nothing", Buffer.alloc(0), "four bytes"],
    ["JSON", Buffer.from('{"kind":"Pod"}'), "four bytes"],
    ["the four bytes alone", Buffer.from("k8s\0"), "which kind it is"],
    ["a field without an end", secret(Buffer.from([0x0a, 0x7f, 1])), "in the middle"],
    ["a length of eight exbibytes", secret(Buffer.from("0affffffffffffffff7f", "hex")), "middle"],
    ["a negative length", secret(Buffer.from("0affffffffffffffffff01", "hex")), "middle"],
    ["an integer that never ends", secret(Buffer.alloc(12, 0xff)), "more than ten bytes"],
    ["the field number zero", secret(Buffer.from([0x02, 0])), "no valid number"],
    ["a group", secret(Buffer.from([0x0b])), "wire type"],
    ["a string where a message belongs", secret(integer(1, 1)), "another wire type"],
    ["four bytes where a string belongs", secret(Buffer.from("1d61626364", "hex")), "wire type"],
    ["text that is not UTF-8", secret(delimited(3, Buffer.from([0xff, 0xfe]))), "not UTF-8"],
    ["a prototype", secret(delimited(2, delimited(1, "__proto__"))), "no key"],
    ["compression", Buffer.concat([secret(), delimited(3, "gzip")]), "gzip"],
    ["a year beyond 9999", eventAt(253_402_300_800), "years 1 to 9999"],
    ["raw JSON that is none", eventWithFields("{"), "json parse error"],
    ["messages without end", deepSchema(1000), "messages deep"],
  ])("%s", (_name, body, message) => {
    expect(() => decode(body)).toThrow(message);
    expect(() => decode(body)).toThrow(expect.objectContaining({ reason: "BadRequest" }));
  });

  test("a custom resource, and says what it may be sent in", () => {
    const body = envelope("lighthouse.dev/v1", "Application", Buffer.alloc(0));
    expect(() => decode(body)).toThrow('"application/vnd.kubernetes.protobuf" is not one of');
    expect(() => decode(body)).toThrow("application/json");
  });
});

function eventAt(seconds: number): Buffer {
  return envelope("v1", "Event", delimited(6, integer(1, seconds)));
}

function eventWithFields(json: string): Buffer {
  const entry = delimited(17, delimited(7, delimited(1, json)));
  return envelope("v1", "Event", delimited(1, entry));
}

const times: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  Time: fc.constantFrom("2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
  MicroTime: fc.constantFrom("2026-01-02T03:04:05.000120Z", "9999-12-31T23:59:59.999999Z"),
  Quantity: fc.constantFrom("1", "500m", "2Gi"),
  IntOrString: fc.oneof(fc.string(), fc.integer()),
};

const anyJson = fc.jsonValue({ maxDepth: 2 }).filter((value) => {
  const text = JSON.stringify(value);
  return !text.includes("__proto__") && !text.includes("-0");
});

function scalars(type: string, keepsZero: boolean): fc.Arbitrary<unknown> {
  switch (type) {
    case "string":
      return fc.string({ minLength: keepsZero ? 0 : 1, unit: "grapheme" });
    case "bytes":
      return fc
        .uint8Array({ minLength: keepsZero ? 0 : 1 })
        .map((bytes) => Buffer.from(bytes).toString("base64"));
    case "bool":
      return keepsZero ? fc.boolean() : fc.constant(true);
    case "int32":
      return fc.integer().filter((value) => keepsZero || value !== 0);
    case "double":
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0.5);
    default:
      return fc.maxSafeInteger().filter((value) => keepsZero || value !== 0);
  }
}

function values(type: string, keepsZero: boolean, depth: number): fc.Arbitrary<unknown> {
  if (!type.includes(".")) return scalars(type, keepsZero);
  const name = type.slice(type.lastIndexOf(".") + 1);
  if (name.startsWith("JSONSchemaPropsOr")) return fc.constant({ type: "string" });
  if (name === "JSON") return anyJson;
  if (name === "FieldsV1" || name === "RawExtension") return fc.constant({ a: {} });
  return times[name] ?? objects(type, depth + 1);
}

const keys = fc.string().filter((key) => key !== "__proto__");

function fieldValues(field: Field, depth: number): fc.Arbitrary<unknown> {
  const { type, shape, keepsZero } = field;
  if (shape === "single") return values(type, keepsZero, depth);
  const items = values(type, true, depth);
  if (shape === "list") return fc.array(items, { minLength: 1, maxLength: 2 });
  return fc
    .dictionary(keys, items, { minKeys: 1, maxKeys: 2 })
    .map((map) => Object.fromEntries(Object.entries(map)));
}

/** Any object of a definition, as its JSON would be. */
function objects(definition: string, depth: number): fc.Arbitrary<unknown> {
  const fields = [...(fieldTable().message(definition)?.values() ?? [])];
  if (fields[0]?.name === ".") return fc.array(fc.string(), { maxLength: 2 });
  if (depth > 3) return fc.constant({});
  const entries = fields.flatMap((field): [string, fc.Arbitrary<unknown>][] =>
    field.inline ? [] : [[field.name, fieldValues(field, depth)]],
  );
  return fc
    .record(Object.fromEntries(entries), { requiredKeys: [] })
    .map((object) => ({ ...object }));
}

const sent = ["v1 Pod", "v1 Node", "events.k8s.io/v1 Event", "rbac.authorization.k8s.io/v1 Role"];
const anyObject = fc.constantFrom(...sent).chain((id) => {
  const [apiVersion = "", kind = ""] = id.split(" ");
  const definition = fieldTable().definitionOf(apiVersion, kind) ?? "";
  return objects(definition, 0).map((object) => ({ apiVersion, kind, ...(object as JsonObject) }));
});

test("decodeEnvelope() gives back every object that was encoded", () => {
  fc.assert(
    fc.property(anyObject, (object) => {
      expect(decode(encodeObject(object))).toEqual(object);
    }),
    { numRuns: 60 },
  );
});

/** A body with some bytes changed, cut or doubled. */
const broken = fc
  .tuple(anyObject, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }), fc.nat())
  .map(([object, changes, cut]) => {
    const body = encodeObject(object);
    for (const [at, value] of changes) body[at % body.length] = value;
    return cut % 3 === 0 ? body.subarray(0, cut % body.length) : body;
  });

/** What becomes of a body: `decoded`, or the reason of its refusal. */
function outcome(body: Buffer): string {
  try {
    decode(body);
    return "decoded";
  } catch (err) {
    return err instanceof StatusError ? err.reason : String(err);
  }
}

test("decodeEnvelope() answers any bytes with an object or a refusal", () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw));
  const inEnvelope = bytes.map((raw) => envelope("v1", "Pod", raw));
  fc.assert(
    fc.property(fc.oneof(broken, bytes, inEnvelope), (body) => {
      expect(["decoded", "BadRequest", "UnsupportedMediaType"]).toContain(outcome(body));
    }),
    { numRuns: 300 },
  );
});
