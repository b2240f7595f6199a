import {
  type CostlyRequest,
  type CostlyGroup,
  core,
  custom,
  many,
  fieldsOf,
  named,
  thing,
  patch,
  apply,
  rest,
  container,
  pod,
} from "./request.ts";

/** Aimed at patches. */
export const patches: CostlyGroup = () => {
  const long = `${custom}/things/long`;
  const op = (make: (i: number) => object): object[] => many(10_000, make);
  const stored = `${core}/pods/long`;
  return [
    patch(
      "many times remove the first of 200,000",
      "json-patch+json",
      long,
      op(() => ({ op: "remove", path: "/spec/set/0" })),
    ),
    patch(
      "many times move the first of many to the end",
      "json-patch+json",
      long,
      op(() => ({ op: "move", from: "/spec/set/0", path: "/spec/set/-" })),
    ),
    patch(
      "many times add before 200,000",
      "json-patch+json",
      long,
      op((i) => ({ op: "add", path: "/spec/set/0", value: -i - 1 })),
    ),
    patch("many times test 200,000", "json-patch+json", long, [
      ...many(9_999, () => ({ op: "test", path: "/spec/set", value: 0 })),
      { op: "test", path: "", value: {} },
    ]),
    patch("many times compare 200,000", "json-patch+json", long, [
      {
        op: "add",
        path: "/spec/free",
        value: { a: many(60_000, () => 0), b: many(60_000, () => 0) },
      },
      ...many(9_000, () => ({ op: "test", path: "/spec/free/a", value: 0 })),
    ]),
    patch(
      "copy many twice",
      "json-patch+json",
      long,
      many(10_000, (i) => ({ op: "copy", from: "/spec/set", path: `/spec/free/a${i}` })),
    ),
    patch(
      "copy doubles",
      "json-patch+json",
      long,
      many(10_000, (i) => ({ op: "copy", from: "/spec", path: `/spec/free/a${i}` })),
    ),
    patch(
      "moves of fields",
      "json-patch+json",
      long,
      op((i) => ({ op: "move", from: `/spec/wide/k${i}`, path: `/spec/wide/l${i}` })),
    ),
    patch(
      "many operations",
      "json-patch+json",
      long,
      many(15_000, () => ({ op: "test", path: "", value: 0 })),
    ),
    patch("a path of many steps", "json-patch+json", long, [
      { op: "test", path: "/".repeat(2_800_000), value: 0 },
    ]),
    patch(
      "many paths of 140 steps",
      "json-patch+json",
      long,
      op(() => ({ op: "add", path: "/a".repeat(100), value: 0 })),
    ),
    patch("merge of many fields", "merge-patch+json", long, {
      spec: { free: fieldsOf(60_000, (i) => [`${i}`, 0]) },
    }),
    patch("merge of many nulls", "merge-patch+json", long, {
      spec: { free: fieldsOf(60_000, (i) => [`${i}`, null]) },
    }),
    patch("merge of one field into a long object", "merge-patch+json", long, {
      spec: { free: { a: 1 } },
    }),
    patch("merge that breaks many items", "merge-patch+json", long, {
      spec: { map: many(15_000, (i) => ({ name: `k${i}`, port: "x" })) },
    }),
    patch("strategic: many variables to 20,000", "strategic-merge-patch+json", stored, {
      spec: {
        containers: [{ name: "c", env: many(15_000, (i) => ({ name: `L${i}`, value: "v" })) }],
      },
    }),
    patch("strategic: every variable again", "strategic-merge-patch+json", stored, {
      spec: {
        containers: [
          { name: "c", env: many(15_000, (i) => ({ name: `K${19_999 - i}`, value: "w" })) },
        ],
      },
    }),
    patch("strategic: every other variable", "strategic-merge-patch+json", stored, {
      spec: {
        containers: [
          { name: "c", env: many(10_000, (i) => ({ name: `K${19_999 - 2 * i}`, value: "w" })) },
        ],
      },
    }),
    patch("strategic: every other variable in order", "strategic-merge-patch+json", stored, {
      spec: {
        containers: [{ name: "c", env: many(10_000, (i) => ({ name: `K${2 * i}`, value: "w" })) }],
      },
    }),
    patch("strategic: an order of 100,000", "strategic-merge-patch+json", stored, {
      spec: {
        containers: [
          {
            name: "c",
            "$setElementOrder/env": many(15_000, (i) => ({ name: `K${100_000 - i}` })),
          },
        ],
      },
    }),
    patch("strategic: many containers", "strategic-merge-patch+json", stored, {
      spec: { containers: many(15_000, (i) => ({ name: `c${i}`, image: "i" })) },
    }),
    patch("strategic: many deletions", "strategic-merge-patch+json", stored, {
      spec: {
        containers: [
          { name: "c", env: many(15_000, (i) => ({ $patch: "delete", name: `K${i}` })) },
        ],
      },
    }),
    patch("strategic: many finalizers", "strategic-merge-patch+json", stored, {
      metadata: {
        finalizers: many(60_000, (i) => `a.b/${i}`),
        "$deleteFromPrimitiveList/finalizers": many(20_000, (i) => `${i}`),
      },
    }),
  ];
};

/** Aimed at applies. */
export const applies: CostlyGroup = () => [
  apply(
    "apply of many numbers of a set",
    rest("a"),
    thing("Thing", "a", { set: many(60_000, (i) => i) }),
  ),
  apply(
    "apply of many keys",
    rest("a"),
    thing("Thing", "a", { map: many(15_000, (i) => ({ name: `k${i}`, port: i })) }),
  ),
  apply(
    "apply of many equal keys",
    rest("a"),
    thing("Thing", "a", { map: many(15_000, () => ({ name: "k", port: 1 })) }),
  ),
  apply(
    "apply of other many keys",
    rest("long"),
    thing("Thing", "long", { map: many(15_000, (i) => ({ name: `l${i}`, port: i })) }),
  ),
  {
    ...apply(
      "apply that conflicts many times",
      rest("long"),
      thing("Thing", "long", { map: many(15_000, (i) => ({ name: `k${i}`, note: "y" })) }),
    ),
    url: `${rest("long")}?fieldManager=other&dryRun=All`,
  },
  apply("apply that owns many less", rest("long"), thing("Thing", "long", {})),
  apply(
    "apply of many fields",
    rest("a"),
    thing("Thing", "a", { free: fieldsOf(60_000, (i) => [`${i}`, 0]) }),
  ),
  apply(
    "apply of many unknown fields",
    rest("a"),
    thing(
      "Thing",
      "a",
      fieldsOf(60_000, (i) => [`${i}`, 0]),
    ),
  ),
  apply(
    "apply of many keys of a ConfigMap",
    `${core}/configmaps/a`,
    named("ConfigMap", "a", { data: fieldsOf(60_000, (i) => [`k${i}`, "v"]) }),
  ),
  apply(
    "apply of many variables",
    `${core}/pods/a`,
    pod({
      containers: [{ ...container, env: many(15_000, (i) => ({ name: `K${i}`, value: "v" })) }],
    }),
  ),
  owned(
    "fields of many owners",
    many(15_000, (i) => ({
      manager: `m${i}`,
      operation: "Update",
      apiVersion: "v1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:data": {} },
    })),
  ),
  owned("an owner of many fields", [
    {
      manager: "m",
      operation: "Update",
      apiVersion: "v1",
      fieldsType: "FieldsV1",
      fieldsV1: fieldsOf(60_000, (i) => [`f:${i}`, {}]),
    },
  ]),
  owned("an owner of many keys", [
    {
      manager: "m",
      operation: "Update",
      apiVersion: "v1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:data": fieldsOf(60_000, (i) => [`k:{"b":${i},"a":1}`, {}]) },
    },
  ]),
  owned("an owner of many values", [
    {
      manager: "m",
      operation: "Update",
      apiVersion: "v1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:data": fieldsOf(60_000, (i) => [`v:${i}`, {}]) },
    },
  ]),
];

function owned(what: string, managedFields: unknown): CostlyRequest {
  const object = named("ConfigMap", "long", { data: { a: "c" } });
  const body = { ...object, metadata: { name: "long", managedFields } };
  return {
    what,
    method: "PUT",
    url: `${core}/configmaps/long?dryRun=All`,
    body: JSON.stringify(body),
  };
}
