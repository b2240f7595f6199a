import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { decodeContinue, encodeContinue } from "./continue.ts";

let server: TestApp;
const maps = "/api/v1/namespaces/default/configmaps";
const itemsOf = (list: JsonObject): readonly JsonObject[] => list["items"] as readonly JsonObject[];
const namesOf = (list: JsonObject): readonly unknown[] =>
  itemsOf(list).map((item) => metaOf(item).name);

async function make(name: string, labels: object = {}): Promise<number> {
  const { body } = await server.send("POST", maps, { metadata: { name, labels } });
  return Number(metaOf(body).resourceVersion);
}

beforeAll(async () => {
  server = await openTestApp();
  for (let index = 0; index < 10; index++) {
    await make(`m${index}`, { parity: index % 2 === 0 ? "even" : "odd" });
  }
});
afterAll(() => server[Symbol.asyncDispose]());

async function pages(
  query: string,
  between: () => Promise<unknown>,
): Promise<readonly JsonObject[]> {
  const seen: JsonObject[] = [];
  let token = "";
  do {
    const { code, body } = await server.send("GET", `${maps}?${query}&continue=${token}`);
    expect(code).toBe(200);
    seen.push(body);
    token = metaOf(body).continue ?? "";
    await between();
  } while (token !== "");
  return seen;
}

test("pages show one state, whatever is written between them", async () => {
  let extra = 0;
  const seen = await pages("limit=4", async () => {
    extra += 1;
    await make(`m5-${extra}`);
    await server.send("DELETE", `${maps}/m5-${extra - 1}`);
  });
  expect(seen.flatMap(namesOf)).toEqual(Array.from({ length: 10 }, (_, index) => `m${index}`));
  expect(new Set(seen.map((page) => metaOf(page).resourceVersion)).size).toBe(1);
  expect(seen.map((page) => metaOf(page).remainingItemCount)).toEqual([6, 2, undefined]);
  await server.send("DELETE", `${maps}/m5-${extra}`);
});

test("pages of a selection are full, and do not guess what remains", async () => {
  const seen = await pages("limit=2&labelSelector=parity%3Dodd", async () => {});
  expect(seen.flatMap(namesOf)).toEqual(["m1", "m3", "m5", "m7", "m9"]);
  expect(metaOf(seen[0] ?? {}).remainingItemCount).toBeUndefined();
});

test("a page of a compacted revision is Expired, with a token that goes on", async () => {
  const first = await server.send("GET", `${maps}?limit=3`);
  await make("later");
  const { revision } = await server.store.head();
  await server.store.compact(revision);
  const token = metaOf(first.body).continue;
  const gone = await server.send("GET", `${maps}?limit=3&continue=${token}`);
  expect([gone.code, gone.body["reason"]]).toEqual([410, "Expired"]);
  const next = metaOf(gone.body).continue;
  const on = await server.send("GET", `${maps}?limit=3&continue=${next}`);
  expect(namesOf(on.body)).toEqual(["m3", "m4", "m5"]);
  await server.send("DELETE", `${maps}/later`);
});

describe("resourceVersion", () => {
  test("the newest state holds every write that was answered", async () => {
    for (let index = 0; index < 20; index++) {
      const at = await make(`fresh-${index}`);
      const { body } = await server.send("GET", maps);
      expect(namesOf(body)).toContain(`fresh-${index}`);
      expect(Number(metaOf(body).resourceVersion)).toBeGreaterThanOrEqual(at);
    }
    await server.send("DELETE", `${maps}?fieldSelector=metadata.name!%3Dm0`);
  });

  test("Exact, and a version with a limit, show that very state", async () => {
    const at = await make("exact");
    await server.send("DELETE", `${maps}/exact`);
    const exact = await server.send(
      "GET",
      `${maps}?resourceVersion=${at}&resourceVersionMatch=Exact`,
    );
    expect(namesOf(exact.body)).toContain("exact");
    const legacy = await server.send("GET", `${maps}?resourceVersion=${at}&limit=500`);
    expect([namesOf(legacy.body).includes("exact"), metaOf(legacy.body).resourceVersion]).toEqual([
      true,
      String(at),
    ]);
    const newer = await server.send("GET", `${maps}?resourceVersion=${at}`);
    expect(namesOf(newer.body)).not.toContain("exact");
  });

  test.each([
    ["resourceVersion=x", 400, "BadRequest"],
    ["resourceVersion=0&resourceVersionMatch=Exact", 422, "Invalid"],
    ["resourceVersionMatch=Exact", 422, "Invalid"],
    ["resourceVersion=1&resourceVersionMatch=Newest", 422, "Invalid"],
    ["sendInitialEvents=true", 422, "Invalid"],
    ["continue=zzz", 400, "BadRequest"],
    [
      `continue=${encodeContinue({ revision: 1, start: "m0" })}&resourceVersion=5`,
      400,
      "BadRequest",
    ],
    ["resourceVersion=99999999", 504, "Timeout"],
    ["resourceVersion=1&resourceVersionMatch=Exact", 410, "Expired"],
    ["labelSelector=a%3D%3D%3Db", 400, "BadRequest"],
    ["fieldSelector=spec.bogus%3D1", 400, "BadRequest"],
  ])("refuses ?%s with %d", async (query, code, reason) => {
    const { revision } = await server.store.head();
    await server.store.compact(revision);
    const answer = await server.send("GET", `${maps}?${query}`);
    expect([answer.code, answer.body["reason"]]).toEqual([code, reason]);
  });

  test("a version of the future says which cause, and when to come again", async () => {
    const { headers, body } = await server.send("GET", `${maps}?resourceVersion=99999999`);
    expect(headers["retry-after"]).toBe("1");
    expect(body["details"]).toMatchObject({ causes: [{ reason: "ResourceVersionTooLarge" }] });
    const single = await server.send("GET", `${maps}/m0?resourceVersion=99999999`);
    expect(single.code).toBe(504);
  });
});

test("field selectors pin names and namespaces of every kind", async () => {
  await server.send("POST", "/api/v1/namespaces", { metadata: { name: "other" } });
  await server.send("POST", maps.replace("default", "other"), { metadata: { name: "m0" } });
  await make("m0-suffix");
  const all = "/api/v1/configmaps?fieldSelector=";
  const places = async (selector: string): Promise<readonly unknown[]> => {
    const { body } = await server.send("GET", all + encodeURIComponent(selector));
    return itemsOf(body).map((item) => `${metaOf(item).namespace}/${metaOf(item).name}`);
  };
  expect(await places("metadata.name=m0")).toEqual(["default/m0", "other/m0"]);
  expect(await places("metadata.name=m0,metadata.namespace!=default")).toEqual(["other/m0"]);
  const { body } = await server.send("GET", `${maps}?fieldSelector=metadata.name%3Dm0`);
  expect(namesOf(body)).toEqual(["m0"]);
});

test("an empty list has a kind and a position", async () => {
  const { body } = await server.send("GET", "/apis/lighthouse.dev/v1/applications");
  expect(body).toMatchObject({
    kind: "ApplicationList",
    apiVersion: "lighthouse.dev/v1",
    items: [],
  });
  expect(Number(metaOf(body).resourceVersion)).toBeGreaterThan(0);
});

test("decodeContinue() reads back what was written and nothing else", () => {
  const token = { revision: 12, start: "a/b" };
  expect(decodeContinue(encodeContinue(token))).toEqual(token);
  for (const bad of [
    "",
    "e30",
    Buffer.from('{"v":"v1","rv":1,"start":"a"}').toString("base64url"),
  ]) {
    expect(() => decodeContinue(bad)).toThrow("continue key is not valid");
  }
});
