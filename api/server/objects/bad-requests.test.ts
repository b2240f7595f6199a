import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Method, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";

// What is malformed in a query, a path or a token, and the Status that says so: reason, code and,
// where Kubernetes gives them, causes with their fields.

const maps = "/api/v1/namespaces/default/configmaps";
const token = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const v = "meta.k8s.io/v1";

let server: TestApp;
beforeAll(async () => {
  server = await openTestApp();
  await server.send("POST", maps, { metadata: { name: "m" } });
});
afterAll(() => server[Symbol.asyncDispose]());

type Cause = { readonly reason: string; readonly field?: string };

async function refusalOf(
  method: Method,
  url: string,
): Promise<{
  readonly code: number;
  readonly reason: unknown;
  readonly causes: readonly string[];
}> {
  const { code, body, headers } = await server.send(method, url);
  expect(headers["content-type"]).toContain("application/json");
  expect(body).toMatchObject({ kind: "Status", apiVersion: "v1", status: "Failure", code });
  expect(body["metadata"]).toBeTypeOf("object");
  expect(String(body["message"])).not.toBe("");
  const { causes = [] } = (body["details"] ?? {}) as { readonly causes?: readonly Cause[] };
  return {
    code,
    reason: body["reason"],
    causes: causes.map(({ reason, field }) =>
      field === undefined ? reason : `${reason} ${field}`,
    ),
  };
}

describe("lists and watches", () => {
  const bad: readonly (readonly [string, number, string])[] = [
    ["resourceVersion=x", 400, "BadRequest"],
    ["resourceVersion=-1", 400, "BadRequest"],
    ["resourceVersion=1.5", 400, "BadRequest"],
    ["resourceVersion=0x10", 400, "BadRequest"],
    ["resourceVersion=%00", 400, "BadRequest"],
    ["resourceVersion=99999999999999999999999", 400, "BadRequest"],
    ["limit=x", 400, "BadRequest"],
    ["limit=1.5", 400, "BadRequest"],
    ["limit=99999999999999999999", 400, "BadRequest"],
    ["labelSelector=a%3D%3D%3Db", 400, "BadRequest"],
    ["labelSelector=a%20in%20(", 400, "BadRequest"],
    ["labelSelector=a%20in%20b", 400, "BadRequest"],
    ["labelSelector=-bad-", 400, "BadRequest"],
    ["labelSelector=a%3Db%20c", 400, "BadRequest"],
    ["labelSelector=a%3D" + "b".repeat(64), 400, "BadRequest"],
    ["labelSelector=,", 400, "BadRequest"],
    ["fieldSelector=name%3Dm", 400, "BadRequest"],
    ["fieldSelector=metadata.name", 400, "BadRequest"],
    ["fieldSelector=metadata.name%3Da%3Db", 400, "BadRequest"],
    ["fieldSelector=metadata.name%3Da%5C", 400, "BadRequest"],
    ["fieldSelector=metadata.name%3Da%5Cx", 400, "BadRequest"],
    ["fieldSelector=metadata.labels.a%3Db", 400, "BadRequest"],
    ["fieldSelector=__proto__%3Db", 400, "BadRequest"],
    ["fieldSelector=constructor%3Db", 400, "BadRequest"],
  ];
  test.each(bad)("?%s is refused with %d", async (query, code, reason) => {
    for (const verb of ["", "watch=1&"]) {
      const seen = await refusalOf("GET", `${maps}?${verb}${query}`);
      expect([seen.code, seen.reason]).toEqual([code, reason]);
    }
  });

  const invalid: readonly (readonly [string, readonly string[]])[] = [
    ["resourceVersionMatch=Exact", ["FieldValueForbidden resourceVersionMatch"]],
    ["resourceVersionMatch=NotOlderThan", ["FieldValueForbidden resourceVersionMatch"]],
    [
      "resourceVersion=1&resourceVersionMatch=Newest",
      ["FieldValueNotSupported resourceVersionMatch"],
    ],
    ["resourceVersion=0&resourceVersionMatch=Exact", ["FieldValueForbidden resourceVersionMatch"]],
    [
      `resourceVersion=1&resourceVersionMatch=Exact&continue=${token({ v, rv: 1, start: "a" })}`,
      ["FieldValueForbidden resourceVersionMatch"],
    ],
    ["sendInitialEvents=true", ["FieldValueForbidden sendInitialEvents"]],
    ["sendInitialEvents=false", ["FieldValueForbidden sendInitialEvents"]],
    [
      "sendInitialEvents=1&resourceVersionMatch=Newest",
      [
        "FieldValueForbidden sendInitialEvents",
        "FieldValueForbidden resourceVersionMatch",
        "FieldValueNotSupported resourceVersionMatch",
      ],
    ],
  ];
  test.each(invalid)("?%s is Invalid on ListOptions", async (query, causes) => {
    const seen = await refusalOf("GET", `${maps}?${query}`);
    expect(seen).toEqual({ code: 422, reason: "Invalid", causes });
    const { body } = await server.send("GET", `${maps}?${query}`);
    expect(body["details"]).toMatchObject({ group: "meta.k8s.io", kind: "ListOptions" });
  });

  test.each([
    ["sendInitialEvents=true", ["FieldValueForbidden resourceVersionMatch"]],
    ["sendInitialEvents=false", ["FieldValueForbidden resourceVersionMatch"]],
    [
      "sendInitialEvents=true&resourceVersionMatch=Exact",
      ["FieldValueNotSupported resourceVersionMatch"],
    ],
    [
      "resourceVersion=1&resourceVersionMatch=NotOlderThan",
      ["FieldValueForbidden resourceVersionMatch"],
    ],
  ])("a watch with %s is Invalid, so that clients fall back", async (query, causes) => {
    const seen = await refusalOf("GET", `${maps}?watch=1&${query}`);
    expect(seen).toEqual({ code: 422, reason: "Invalid", causes });
  });

  test.each([
    ["watch=1&timeoutSeconds=x", 400],
    ["watch=1&timeoutSeconds=1.5", 400],
    ["timeoutSeconds=x", 400],
  ])("?%s is refused with %d", async (query, code) => {
    expect((await refusalOf("GET", `${maps}?${query}`)).code).toBe(code);
  });

  test("a version of the future says so by its cause, on lists, watches and single objects", async () => {
    const future = "resourceVersion=9007199254740993";
    const initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    for (const url of [
      `${maps}?${future}`,
      `${maps}?${future}&limit=1`,
      `${maps}?${future}&resourceVersionMatch=Exact`,
      `${maps}?watch=1&${initial}&${future}`,
      `${maps}/m?${future}`,
    ]) {
      const { headers, body } = await server.send("GET", url);
      expect([url, body["code"], headers["retry-after"]]).toEqual([url, 504, "1"]);
      expect((await refusalOf("GET", url)).causes).toEqual(["ResourceVersionTooLarge"]);
    }
  });
});

describe("continue tokens", () => {
  test.each([
    ["no base64", "%21%21%21"],
    ["no JSON", Buffer.from("{").toString("base64url")],
    ["no object", token([1])],
    ["null", token(null)],
    ["another version", token({ v: "v2", rv: 1, start: "a" })],
    ["no start", token({ v, rv: 1 })],
    ["an empty start", token({ v, rv: 1, start: "" })],
    ["a start that climbs", token({ v, rv: 1, start: "../../secrets/a" })],
    ["a start with a slash in front", token({ v, rv: 1, start: "/a" })],
    ["a start with NUL", token({ v, rv: 1, start: "a\0b" })],
    ["a start that is too long", token({ v, rv: 1, start: "a".repeat(5_000) })],
    ["a start that is no text", token({ v, rv: 1, start: {} })],
    ["version 0", token({ v, rv: 0, start: "a" })],
    ["version -2", token({ v, rv: -2, start: "a" })],
    ["a version that is text", token({ v, rv: "1", start: "a" })],
    ["a version with a fraction", token({ v, rv: 1.5, start: "a" })],
    ["a very large version", `${token({ v, rv: 1, start: "a" }).slice(0, -8)}9e99`],
  ])("%s is refused with 400", async (_what, text) => {
    const seen = await refusalOf("GET", `${maps}?continue=${text}`);
    expect([seen.code, seen.reason]).toEqual([400, "BadRequest"]);
  });

  test("a token goes with no version but none and 0", async () => {
    const good = token({ v, rv: (await server.store.head()).revision, start: "a" });
    const { code } = await server.send("GET", `${maps}?continue=${good}&resourceVersion=0`);
    expect(code).toBe(200);
    const seen = await refusalOf("GET", `${maps}?continue=${good}&resourceVersion=5`);
    expect([seen.code, seen.reason]).toEqual([400, "BadRequest"]);
  });

  test("a token of the future is a Timeout, not a crash", async () => {
    const future = token({ v, rv: 9_000_000_000, start: "a" });
    expect((await refusalOf("GET", `${maps}?continue=${future}`)).code).toBe(504);
  });
});

describe("paths and names", () => {
  test.each<[Method, string, number, string]>([
    ["GET", `${maps}/absent`, 404, "NotFound"],
    ["GET", `${maps}/UPPER`, 404, "NotFound"],
    ["GET", `${maps}/${"x".repeat(300)}`, 404, "NotFound"],
    ["GET", `${maps}/a%2Fb`, 404, "NotFound"],
    ["GET", `${maps}/..%2F..`, 404, "NotFound"],
    ["GET", `${maps}/%00`, 404, "NotFound"],
    ["GET", `${maps}/m/absent`, 404, "NotFound"],
    ["GET", "/api/v1/namespaces/default/absents", 404, "NotFound"],
    ["GET", "/api/v2/configmaps", 404, "NotFound"],
    ["GET", "/apis/absent.dev/v1/things", 404, "NotFound"],
    ["GET", "/apis/__proto__/v1/things", 404, "NotFound"],
    ["GET", "/api/v1/constructor", 404, "NotFound"],
    ["GET", "/api/v1/namespaces/default/nodes", 404, "NotFound"],
    ["POST", `${maps}/m`, 405, "MethodNotAllowed"],
    ["PUT", maps, 405, "MethodNotAllowed"],
    ["PATCH", maps, 405, "MethodNotAllowed"],
    ["DELETE", "/api/v1/configmaps/m", 405, "MethodNotAllowed"],
    ["POST", "/api/v1/configmaps", 405, "MethodNotAllowed"],
  ])("%s %s is refused with %d", async (method, url, code, reason) => {
    const seen = await refusalOf(method, url);
    expect([seen.code, seen.reason]).toEqual([code, reason]);
  });

  test.each([
    ["dryRun=Some", 400],
    ["fieldValidation=Loose", 400],
    ["dryRun=All&fieldValidation=", 201],
    ["pretty=true&timeout=32s&unknown=1&timeout=1s", 201],
  ])("a create with ?%s answers %d", async (query, code) => {
    const name = `q${code}-${query.length}`;
    const answer = await server.send("POST", `${maps}?${query}`, { metadata: { name } });
    expect(answer.code).toBe(code);
    const kind: JsonObject["kind"] = answer.body["kind"];
    expect(kind).toBe(code === 201 ? "ConfigMap" : "Status");
  });

  test.each([
    ["", [422, "FieldValueRequired metadata.name"]],
    ["UPPER", [422, "FieldValueInvalid metadata.name"]],
    ["a/b", [422, "FieldValueInvalid metadata.name"]],
    ["..", [422, "FieldValueInvalid metadata.name"]],
    ["x".repeat(254), [422, "FieldValueInvalid metadata.name"]],
  ])("an object named %j is Invalid", async (name, want) => {
    const { code, body } = await server.send("POST", maps, { metadata: { name } });
    const { causes = [] } = (body["details"] ?? {}) as { readonly causes?: readonly Cause[] };
    expect([code, `${causes[0]?.reason} ${causes[0]?.field}`]).toEqual(want);
  });
});
