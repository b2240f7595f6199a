import { expect, test } from "vitest";
import { affinityCauses } from "./affinity-validate.ts";

const base =
  "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";

const required = (...nodeSelectorTerms: readonly object[]) => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
  },
});
const expression = (key: string, operator: string, values?: readonly string[]) =>
  required({ matchExpressions: [{ key, operator, values }] });
const field = (key: string, operator: string, values?: readonly string[]) =>
  required({ matchFields: [{ key, operator, values }] });
const seen = (spec: Parameters<typeof affinityCauses>[0]): readonly string[] =>
  affinityCauses(spec).map(
    ({ field: path = "", message }) => `${path.slice(base.length)} ${message}`,
  );

test.each([
  {},
  { affinity: {} },
  required({}),
  expression("zone", "In", ["a"]),
  expression("example.com/zone", "Exists"),
  expression("cores", "Gt", ["4"]),
  field("metadata.name", "In", ["host-1"]),
])("takes %j", (spec) => {
  expect(affinityCauses(spec)).toEqual([]);
});

test.each([
  [required(), " Required value: must have at least one node selector term"],
  [expression("zone", "Like", ["a"]), "[0].matchExpressions[0].operator Invalid value"],
  [expression("zone", "In"), "[0].matchExpressions[0].values Required value"],
  [expression("zone", "Exists", ["a"]), "[0].matchExpressions[0].values Forbidden"],
  [expression("zone", "Lt", ["1", "2"]), "[0].matchExpressions[0].values Forbidden"],
  [expression("no key", "Exists"), "[0].matchExpressions[0].key Invalid value"],
  [field("metadata.uid", "In", ["x"]), "[0].matchFields[0].key Invalid value"],
  [field("metadata.name", "Exists"), "[0].matchFields[0].operator Invalid value"],
  [field("metadata.name", "In", ["a", "b"]), "[0].matchFields[0].values Required value"],
])("refuses %j", (spec, words) => {
  expect(seen(spec)).toEqual([expect.stringContaining(words)]);
});

const preferred = (weight: unknown, preference: object) => ({
  affinity: {
    nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, preference }] },
  },
});
const ssd = { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] };

test.each<[number | undefined, object, readonly string[]]>([
  [1, ssd, []],
  [100, { matchFields: [{ key: "metadata.name", operator: "In", values: ["a"] }] }, []],
  [0, ssd, ["[0].weight"]],
  [101, ssd, ["[0].weight"]],
  [undefined, ssd, ["[0].weight"]],
  [
    5,
    { matchExpressions: [{ key: "disk", operator: "Like" }] },
    ["[0].preference.matchExpressions[0].operator"],
  ],
])("judges a preference of weight %s for %j", (weight, preference, fields) => {
  const path = "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution";
  const causes = affinityCauses(preferred(weight, preference));
  expect(causes.map(({ field: at = "" }) => at.slice(path.length))).toEqual(fields);
});
