import { expect, test } from "vitest";
import type { KubeObject } from "../api/machinery/object.ts";
import { gitOpsOwner } from "./gitops.ts";

const object = (metadata: object): KubeObject => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name: "web", uid: "u", resourceVersion: "1", creationTimestamp: "", ...metadata },
});

const managed = (manager: string, fields: object, more: object = {}): object => ({
  managedFields: [
    {
      manager,
      operation: "Apply",
      apiVersion: "v1",
      fieldsType: "FieldsV1",
      fieldsV1: fields,
      ...more,
    },
  ],
});

const template = { "f:spec": { "f:template": { "f:spec": {} } } };

test.each<[why: string, metadata: object, field: readonly string[], want: string | undefined]>([
  ["nobody", {}, ["template"], undefined],
  [
    "a tool that owns the field",
    managed("argocd-controller", template),
    ["template"],
    "argocd-controller",
  ],
  ["a tool that owns another field", managed("argocd-controller", template), ["paused"], undefined],
  [
    "a person with kubectl",
    managed("kubectl-client-side-apply", template),
    ["template"],
    undefined,
  ],
  ["us", managed("lighthouse-cli", template), ["template"], undefined],
  [
    "whoever writes the status",
    managed("controllers", template, { subresource: "status" }),
    ["template"],
    undefined,
  ],
  [
    "a tool that leaves a label",
    { labels: { "kustomize.toolkit.fluxcd.io/name": "shop" } },
    ["template"],
    "Flux",
  ],
  [
    "a tool that leaves an annotation, for what its file need not hold",
    { annotations: { "argocd.argoproj.io/tracking-id": "x" } },
    ["paused"],
    undefined,
  ],
])("gitOpsOwner() of %s", (_why, metadata, field, want) => {
  expect(gitOpsOwner(object(metadata), field)).toBe(want);
});
