import { expect, test } from "vitest";
import { queryValue, readDockerUrl } from "../../api/machinery/docker/docker-url.ts";
import { keepOurs } from "./prune-filter.ts";

const mine = { cluster: "c-1", override: false };

function filtersOf(path: string, filters: unknown, options = mine): unknown {
  const query =
    filters === undefined ? "" : `?filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const url = readDockerUrl(`${path}${query}`);
  return JSON.parse(queryValue(keepOurs(url, path, options).query, "filters") ?? "null");
}

test.each([
  ["/containers/prune", "lighthouse.dev/cluster=c-1"],
  ["/networks/prune", "lighthouse.dev/cluster"],
  ["/volumes/prune", "lighthouse.dev/pod-uid"],
])("keepOurs() of %s spares %s, whoever asks", (path, label) => {
  for (const override of [false, true])
    expect(filtersOf(path, undefined, { ...mine, override })).toEqual({ "label!": [label] });
});

test.each([
  ["new", { until: ["1h"], label: ["a=b", "c"] }],
  ["old", { until: { "1h": true }, label: { "a=b": true, c: true, d: false } }],
])("keepOurs() keeps filters in the form of %s clients", (_, given) => {
  expect(filtersOf("/containers/prune", given)).toEqual({
    until: ["1h"],
    label: ["a=b", "c"],
    "label!": ["lighthouse.dev/cluster=c-1"],
  });
});

// Docker spares what matches all of its label! filters: a second one would take ours away.
test.each([[{ "label!": ["keep"] }], [{ "label!": { keep: true } }]])(
  "keepOurs() refuses %j beside our own",
  (given) => {
    expect(() => filtersOf("/containers/prune", given)).toThrow('a filter "label!"');
  },
);

test.each(["[]", "null", "{", '"a"'])("keepOurs() refuses filters %s", (text) => {
  const url = readDockerUrl(`/containers/prune?filters=${encodeURIComponent(text)}`);
  expect(() => keepOurs(url, "/containers/prune", mine)).toThrow("Cannot read the filters");
});

test("images are pruned by nobody without the override", () => {
  const url = readDockerUrl("/images/prune");
  expect(() => keepOurs(url, "/images/prune", mine)).toThrow("earlier Revisions need theirs");
  expect(keepOurs(url, "/images/prune", { ...mine, override: true })).toBe(url);
});

test("keepOurs() leaves the cache of builds as it is", () => {
  const url = readDockerUrl("/build/prune?all=1");
  expect(keepOurs(url, "/build/prune", mine)).toBe(url);
});
