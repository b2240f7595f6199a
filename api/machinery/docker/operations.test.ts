import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { dockerAccesses, dockerOperations, findOperation, refusedOperation } from "./operations.ts";

const spec = readFileSync(
  new URL("../../../test/testdata/docker-api-paths.txt", import.meta.url),
  "utf8",
);
const published = spec
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split(" ") as [method: string, path: string, versions: string]);

const filled = (path: string): string => path.replaceAll(/\{\w+\*?\}/g, "web");
/** Placeholders have other names here and there. */
const shapeOf = (path: string): string => path.replaceAll(/\{\w+\*?\}/g, "{}");

test("the list of published paths is whole", () => {
  expect(published.length).toBeGreaterThan(110);
});

test.each(published)("%s %s is classified", (method, path) => {
  const found = findOperation(method, filled(path));
  expect(found?.operation.method).toBe(method);
  expect(shapeOf(found?.operation.pattern ?? "")).toBe(shapeOf(path));
  const { access, why } = found?.operation ?? {};
  expect(access === undefined).toBe(why !== undefined);
});

test("the table has no row that Docker does not have", () => {
  const known = new Set(published.map(([method, path]) => `${method} ${shapeOf(path)}`));
  const invented = dockerOperations
    .map(({ method, pattern }) => `${method} ${shapeOf(pattern)}`)
    .filter((row) => !known.has(row));
  expect(invented).toEqual([]);
});

test.each([
  ["GET", "/"],
  ["GET", "/debug/pprof/heap"],
  ["OPTIONS", "/containers/json"],
  ["PATCH", "/containers/web"],
  ["POST", "/containers/web/copy"],
  ["POST", "/containers/a/b/start"],
  ["GET", "/v1.41/containers/json"],
  ["POST", "/CONTAINERS/create"],
  ["POST", "/containers/create/"],
])("%s %s is no operation", (method, path) => {
  expect(findOperation(method, path)).toBeUndefined();
  expect(refusedOperation(method, path, undefined).message).toBe(
    `Cannot pass ${method} ${path} to Docker: it is no known call of the Docker Engine API`,
  );
});

test.each([
  ["GET", "/images/library/app:v1/json", "library/app:v1"],
  ["DELETE", "/images/127.0.0.1:5000/a/b@sha256:0", "127.0.0.1:5000/a/b@sha256:0"],
  ["POST", "/containers/web/start", "web"],
])("findOperation() of %s %s names %s", (method, path, name) => {
  expect(findOperation(method, path)?.name).toBe(name);
});

test("a read changes nothing, and a body that is judged has a query that is", () => {
  const reads = dockerOperations.filter(({ access }) => access === "read");
  expect(reads.filter(({ keeps }) => !keeps)).toEqual([]);
  const judged = dockerOperations.filter(({ body }) => body === "json");
  expect(judged.filter(({ query }) => query === undefined)).toEqual([]);
  const accesses = dockerOperations.map(({ access }) => access ?? "read");
  expect(dockerAccesses).toEqual(expect.arrayContaining(accesses));
});
