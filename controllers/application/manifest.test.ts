import { expect, test } from "vitest";
import type { Application, PodTemplate } from "../../crds/types.gen.ts";
import { podOf, revisionOf } from "./manifest.ts";
import { podName, revisionName } from "./names.ts";
import type { Step } from "./step.ts";

const template: PodTemplate = {
  metadata: { labels: { app: "web" }, annotations: { note: "hi" } },
  spec: {
    containers: [{ name: "web", image: "registry:5000/web:1" }],
    initContainers: [{ name: "init", image: "tool" }],
    nodeSelector: { disk: "ssd" },
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
  },
};

const application = (nodeSelector: Readonly<Record<string, string>>): Application =>
  ({
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: {
      name: "web",
      namespace: "shop",
      uid: "u",
      resourceVersion: "1",
      creationTimestamp: "",
      annotations: { "kubernetes.io/change-cause": "a fix", "lighthouse.dev/changed-by": "ann" },
    },
    spec: { placement: { nodeSelector }, template },
  }) as unknown as Application;

const step: Extract<Step, { kind: "createPod" }> = {
  kind: "createPod",
  name: "web-1-0",
  slot: "0",
  revision: "web-1",
  desired: "Prepared",
  slotIsNode: false,
  images: [],
};

test("podOf() takes the template, and adds slot, order, owner and placement", () => {
  const pod = podOf(
    { ...step, replaces: "web-0-0", node: "a" },
    template,
    application({ rack: "1" }),
  );
  expect(pod.metadata).toMatchObject({
    name: "web-1-0",
    namespace: "shop",
    labels: {
      app: "web",
      "lighthouse.dev/application": "web",
      "lighthouse.dev/revision": "web-1",
      "lighthouse.dev/slot": "0",
    },
    annotations: {
      note: "hi",
      "lighthouse.dev/desired-state": "Prepared",
      "lighthouse.dev/replaces": "web-0-0",
    },
    ownerReferences: [{ uid: "u", controller: true, blockOwnerDeletion: true }],
  });
  expect(pod.spec.nodeSelector).toEqual({ disk: "ssd", rack: "1" });
  expect(JSON.stringify(pod.spec.affinity)).toContain(
    '"matchFields":[{"key":"metadata.name","operator":"In","values":["a"]}]',
  );
});

test("podOf() lets a pod prefer the Node where its slot was, and wait for none", () => {
  const { affinity } = podOf({ ...step, home: "a" }, template, application({})).spec;
  expect(affinity?.nodeAffinity).toEqual({
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        preference: {
          matchFields: [{ key: "metadata.name", operator: "In", values: ["a"] }],
        },
      },
    ],
  });
});

test("podOf() runs the digests on record, and leaves other images as they are", () => {
  const images = [{ image: "registry:5000/web:1", digest: "sha256:1" }];
  const { spec } = podOf({ ...step, images }, template, application({}));
  expect(spec.containers[0]?.image).toBe("registry:5000/web@sha256:1");
  expect(spec.initContainers?.[0]?.image).toBe("tool");
  expect(spec.affinity).toBeUndefined();
});

test("podOf() tells a Node that is no label value in full", () => {
  const long = `${"a".repeat(60)}.example.com`;
  const pod = podOf({ ...step, slot: long, slotIsNode: true }, template, application({}));
  expect(pod.metadata.annotations).toMatchObject({ "lighthouse.dev/slot-node": long });
  expect(pod.metadata.labels?.["lighthouse.dev/slot"]).toMatch(/^[a-z0-9]{10}$/);
});

test("revisionOf() records what, who and why", () => {
  const images = [{ image: "tool", digest: "sha256:2" }];
  const named = { kind: "createRevision", name: "web-3", number: 3 } as const;
  const of = { ...named, hash: "k7d2m9x4fb", sameAs: 1, images };
  expect(revisionOf(of, application({}))).toMatchObject({
    metadata: { name: "web-3", annotations: { "kubernetes.io/change-cause": "a fix" } },
    spec: {
      application: { name: "web", uid: "u" },
      number: 3,
      templateHash: "k7d2m9x4fb",
      rollbackTo: 1,
      changeCause: "a fix",
      createdBy: "ann",
      images,
      template,
    },
  });
});

test.each([
  ["an ordinal", "web-3", "0", "web-3-0"],
  ["a host name", "web-3", "db-1", "web-3-db-1"],
])("podName() joins Revision and slot of %s", (_what, revision, slot, want) => {
  expect(podName(revision, slot)).toBe(want);
});

test("podName() keeps Nodes apart whose names differ in a dot, and fits a host name", () => {
  expect(podName("web-3", "a.b")).not.toBe(podName("web-3", "a-b"));
  expect(podName("web-3", "a.b")).toMatch(/^web-3-a-[a-z0-9]{10}$/);
  expect(podName("w".repeat(52), "n".repeat(63)).length).toBeLessThanOrEqual(63);
  expect(revisionName("web", 12)).toBe("web-12");
});
