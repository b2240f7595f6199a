import { describe, expect, test } from "vitest";
import { negotiate, type Offer, type Rendering } from "./negotiate.ts";

const all: Offer = { tables: true, stream: false };
const meta = ";g=meta.k8s.io;v=v1";
const table = `application/json;as=Table${meta}`;
const protobuf = "application/vnd.kubernetes.protobuf";

const form = ({ as, version, format }: Rendering): string => `${as} ${version} ${format}`;

describe("negotiate()", () => {
  test.each([
    [undefined, "Object v1 json"],
    ["", "Object v1 json"],
    ["*/*", "Object v1 json"],
    ["application/*", "Object v1 json"],
    ["application/json; charset=utf-8", "Object v1 json"],
    ["APPLICATION/JSON", "Object v1 json"],
    ["application/json;stream=watch", "Object v1 json"],
    ["application/yaml", "Object v1 yaml"],
    ["*/*, application/yaml", "Object v1 yaml"],
    ["application/yaml;q=0.5, application/json", "Object v1 json"],
    ["application/json;q=0, */*;q=0.1", "Object v1 json"],
    [`${protobuf}, application/json`, "Object v1 json"],
    [`${protobuf}, */*`, "Object v1 json"],
    [table, "Table v1 json"],
    [`application/json;as=Table;v=v1beta1;g=meta.k8s.io`, "Table v1beta1 json"],
    [`application/json;as=Table;v=v2;g=meta.k8s.io,${table}`, "Table v1 json"],
    [`application/yaml;as=Table${meta}`, "Table v1 yaml"],
    [`${protobuf};as=PartialObjectMetadata${meta},application/json`, "Object v1 json"],
    [`application/json;as=PartialObjectMetadataList${meta}`, "PartialObjectMetadata v1 json"],
  ])("answers %j with %s", (accept, want) => {
    expect(form(negotiate(accept, all))).toBe(want);
  });

  test.each([
    protobuf,
    "text/html",
    "application/json;q=0",
    "application/json;as=Chart;g=meta.k8s.io;v=v1",
    "application/json;as=Table;g=example.dev;v=v1",
  ])("refuses %j and says what there is", (accept) => {
    expect(() => negotiate(accept, all)).toThrow("application/json, application/yaml");
  });

  test("leaves tables to kinds that have them", () => {
    const reviews: Offer = { tables: false, stream: false };
    expect(form(negotiate(`${table},application/json`, reviews))).toBe("Object v1 json");
    expect(() => negotiate(table, reviews)).toThrow("only the following media types");
  });

  test("streams JSON only", () => {
    const watch: Offer = { tables: true, stream: true };
    expect(form(negotiate("application/json;stream=watch", watch))).toBe("Object v1 json");
    expect(form(negotiate("application/yaml, */*", watch))).toBe("Object v1 json");
    expect(() => negotiate("application/yaml", watch)).toThrow("application/json;stream=watch");
  });

  test("does not remember one offer's answer for another", () => {
    expect(form(negotiate("application/yaml, */*;q=0.1", all))).toBe("Object v1 yaml");
    const streamed = negotiate("application/yaml, */*;q=0.1", { tables: true, stream: true });
    expect(form(streamed)).toBe("Object v1 json");
  });
});
