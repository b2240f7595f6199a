import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import type { JsonObject } from "../kinds/kind.ts";

// Which state a list shows, row by row of Kubernetes' table for resourceVersion and its match:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list

const maps = "/api/v1/namespaces/default/configmaps";
const namesOf = ({ items }: JsonObject): string =>
  (items as readonly JsonObject[]).map((item) => metaOf(item).name).join();

let server: TestApp;
/** Revisions after which there were `a`, then `a,b`, then `a,b,c`, then `b,c`. */
let past: { a: number; ab: number; abc: number; bc: number };

async function make(name: string): Promise<number> {
  const { body } = await server.send("POST", maps, { metadata: { name } });
  return Number(metaOf(body).resourceVersion);
}

beforeAll(async () => {
  server = await openTestApp();
  const [a, ab, abc] = [await make("a"), await make("b"), await make("c")];
  await server.send("DELETE", `${maps}/a`);
  past = { a, ab, abc, bc: (await server.store.head()).revision };
});
afterAll(() => server[Symbol.asyncDispose]());

type Row = {
  readonly why: string;
  readonly version?: keyof typeof past | "0";
  readonly match?: string;
  readonly limit?: string;
  readonly names: string;
  /** The list's own version; default: the newest. */
  readonly at?: keyof typeof past;
};

const rows: readonly Row[] = [
  { why: "no version: the newest", names: "b,c" },
  { why: "no version with a limit: the newest, in pages", limit: "1", names: "b" },
  { why: "an empty limit is none", limit: "", names: "b,c" },
  { why: "limit 0 is none", limit: "0", names: "b,c" },
  { why: "a negative limit is none", limit: "-1", names: "b,c" },
  { why: "0: any state", version: "0", names: "b,c" },
  { why: "0 with a limit", version: "0", limit: "1", names: "b" },
  { why: "0, not older than", version: "0", match: "NotOlderThan", names: "b,c" },
  {
    why: "0, not older than, limit",
    version: "0",
    match: "NotOlderThan",
    limit: "5",
    names: "b,c",
  },
  { why: "N alone: not older", version: "a", names: "b,c" },
  { why: "N with a limit: exactly N", version: "ab", limit: "5", names: "a,b", at: "ab" },
  { why: "N with limit 0: not older", version: "ab", limit: "0", names: "b,c" },
  { why: "N, not older than", version: "a", match: "NotOlderThan", names: "b,c" },
  {
    why: "N, not older than, limit",
    version: "a",
    match: "NotOlderThan",
    limit: "9",
    names: "b,c",
  },
  { why: "N exactly", version: "abc", match: "Exact", names: "a,b,c", at: "abc" },
  {
    why: "N exactly, limit",
    version: "abc",
    match: "Exact",
    limit: "2",
    names: "a,b",
    at: "abc",
  },
];

function queryOf({ version, match, limit }: Row): string {
  const query = new URLSearchParams();
  if (version !== undefined) {
    query.set("resourceVersion", version === "0" ? "0" : String(past[version]));
  }
  if (match !== undefined) query.set("resourceVersionMatch", match);
  if (limit !== undefined) query.set("limit", limit);
  return query.toString();
}

test.each(rows)("a list with $why shows $names", async (row) => {
  const { code, body } = await server.send("GET", `${maps}?${queryOf(row)}`);
  expect([code, namesOf(body)]).toEqual([200, row.names]);
  const newest = (await server.store.head()).revision;
  const at = row.at === undefined ? newest : past[row.at];
  expect(metaOf(body).resourceVersion).toBe(String(at));
});

test("pages of an exact version keep it, whichever kind of store reads them", async () => {
  const query = `resourceVersion=${past.abc}&resourceVersionMatch=Exact&limit=2`;
  const first = await server.send("GET", `${maps}?${query}`);
  expect(metaOf(first.body).remainingItemCount).toBe(1);
  const token = metaOf(first.body).continue ?? "";
  for (const also of ["", "&resourceVersion=0", "&resourceVersion="]) {
    const second = await server.send("GET", `${maps}?limit=2&continue=${token}${also}`);
    expect([second.code, namesOf(second.body)]).toEqual([200, "c"]);
    expect(metaOf(second.body).resourceVersion).toBe(String(past.abc));
  }
});

test("a page of a selection may be empty and still go on", async () => {
  const selected = await server.send("GET", `${maps}?limit=1&labelSelector=none`);
  expect(namesOf(selected.body)).toBe("");
  expect(metaOf(selected.body).remainingItemCount).toBeUndefined();
});

describe("a GET of one object", () => {
  test("shows the newest, or one not older than asked", async () => {
    const codes = [];
    for (const query of ["", "?resourceVersion=0", `?resourceVersion=${past.bc}`]) {
      codes.push((await server.send("GET", `${maps}/b${query}`)).code);
    }
    expect(codes).toEqual([200, 200, 200]);
  });

  test.each([
    ["x", 400, "BadRequest"],
    ["-1", 400, "BadRequest"],
    ["99999999", 504, "Timeout"],
  ])("refuses the version %s with %d", async (version, code, reason) => {
    const answer = await server.send("GET", `${maps}/b?resourceVersion=${version}`);
    expect([answer.code, answer.body["reason"]]).toEqual([code, reason]);
  });
});

test("pages over all namespaces show one state while namespaces are written to", async () => {
  for (const name of ["n1", "n2", "n3"]) {
    await server.send("POST", "/api/v1/namespaces", { metadata: { name } });
    const inside = maps.replace("default", name);
    for (const map of ["x", "y", "z"]) {
      await server.send("POST", inside, { metadata: { name: map, labels: { paged: "yes" } } });
    }
  }
  const seen: string[] = [];
  const versions = new Set<unknown>();
  let token = "";
  do {
    const url = `/api/v1/configmaps?limit=2&labelSelector=paged&continue=${token}`;
    const { body } = await server.send("GET", url);
    for (const item of body["items"] as readonly JsonObject[]) {
      seen.push(`${metaOf(item).namespace}/${metaOf(item).name}`);
    }
    versions.add(metaOf(body).resourceVersion);
    token = metaOf(body).continue ?? "";
    await server.send("DELETE", `${maps.replace("default", "n3")}/y`);
    const late = { metadata: { name: `late-${seen.length}`, labels: { paged: "yes" } } };
    await server.send("POST", maps.replace("default", "n2"), late);
  } while (token !== "");
  const want = ["n1", "n2", "n3"].flatMap((name) => ["x", "y", "z"].map((map) => `${name}/${map}`));
  expect([seen, versions.size]).toEqual([want, 1]);
});

test("410 has a way out: the token of the answer works at once, and so does a new list", async () => {
  const first = await server.send("GET", `${maps}?limit=1`);
  await make("later");
  await server.store.compact((await server.store.head()).revision);
  const token = metaOf(first.body).continue ?? "";
  const gone = await server.send("GET", `${maps}?limit=1&continue=${token}`);
  expect([gone.code, gone.body["reason"]]).toEqual([410, "Expired"]);
  let next = metaOf(gone.body).continue ?? "";
  const names: string[] = [];
  while (next !== "") {
    const { code, body } = await server.send("GET", `${maps}?limit=1&continue=${next}`);
    expect(code).toBe(200);
    names.push(namesOf(body));
    next = metaOf(body).continue ?? "";
  }
  expect(names).toEqual(["c", "later"]);
  const again = await server.send("GET", maps);
  const version = metaOf(again.body).resourceVersion;
  await using watch = await server.stream(`${maps}?watch=1&resourceVersion=${version}`);
  await make("seen");
  expect((await watch.take(1))[0]).toMatchObject({
    type: "ADDED",
    object: { metadata: { name: "seen" } },
  });
});
