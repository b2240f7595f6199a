import { expect, test } from "vitest";
import { compileStructural } from "../api/server/schema/structural.ts";
import { crds } from "./crds.ts";
import type { Revision } from "./types.gen.ts";

const crd = crds.find(({ spec }) => spec.names.kind === "Revision");
const schema = compileStructural(crd?.spec.versions[0]?.schema.openAPIV3Schema ?? {});
const digest = `sha256:${"ab".repeat(32)}`;

const revision: Revision = {
  apiVersion: "lighthouse.dev/v1",
  kind: "Revision",
  metadata: {
    name: "web-1",
    uid: "1",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
  },
  spec: {
    application: { name: "web", uid: "3f0c" },
    number: 1,
    templateHash: "7d9f",
    template: {
      spec: {
        containers: [{ name: "web", image: "web:1" }],
        restartPolicy: "Always",
        terminationGracePeriodSeconds: 30,
      },
    },
  },
};

function breaches(after: unknown, before?: unknown): string[] {
  expect(schema.prune(after)).toEqual([]);
  schema.setDefaults(after);
  return schema.validate(after, before).map(({ field, message }) => `${field}: ${message}`);
}

const copy = (change: Partial<Revision>): unknown => structuredClone({ ...revision, ...change });

test("a Revision is accepted as it is created, and when its status changes", () => {
  expect(breaches(copy({}))).toEqual([]);
  const status = {
    phase: "Active",
    outcome: "Completed",
    images: [{ image: "web:1", digest }],
  } as const;
  expect(breaches(copy({ status }), revision)).toEqual([]);
});

test("a Revision never changes its spec", () => {
  const spec = { ...revision.spec, changeCause: "because" };
  expect(breaches(copy({ spec }), revision)).toEqual([
    'spec: Invalid value: "object": a Revision is immutable, change the template of its Application instead',
  ]);
});

test("a Revision records the digest of an image once", () => {
  const before = copy({ status: { images: [{ image: "web:1", digest }] } });
  const other = `sha256:${"cd".repeat(32)}`;
  const more = [
    { image: "db:1", digest: other },
    { image: "web:1", digest },
  ];
  expect(breaches(copy({ status: { images: more } }), before)).toEqual([]);
  expect(
    breaches(copy({ status: { images: [{ image: "web:1", digest: other }] } }), before),
  ).toEqual([
    `status.images[0].digest: Invalid value: "${other}": the digest of an image is recorded once per Revision`,
  ]);
});

test("a Revision names its Application, number, template and hash", () => {
  expect(breaches({ ...revision, spec: {} }).toSorted()).toEqual([
    "spec.application: Required value",
    "spec.number: Required value",
    "spec.template: Required value",
    "spec.templateHash: Required value",
  ]);
});
