import { expect, test } from "vitest";
import { annotation } from "../../../crds/labels.ts";
import type { PodTemplate } from "../../../crds/types.gen.ts";
import { reloadRefs } from "./config-refs.ts";

const template = (spec: object, reload = "true"): PodTemplate =>
  ({
    metadata: { annotations: { [annotation.reload]: reload } },
    spec: { containers: [{ name: "web", image: "web:1" }], ...spec },
  }) as unknown as PodTemplate;

test("reloadRefs() finds what variables and files are taken from, each once, in order", () => {
  const container = {
    name: "web",
    image: "web:1",
    envFrom: [{ configMapRef: { name: "env" } }, { secretRef: { name: "db" } }],
    env: [
      { name: "A", valueFrom: { configMapKeyRef: { name: "env", key: "a" } } },
      { name: "B", valueFrom: { secretKeyRef: { name: "api", key: "b", optional: true } } },
      { name: "C", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "D", value: "d" },
    ],
  };
  const init = { name: "init", image: "x", envFrom: [{ configMapRef: { name: "init" } }] };
  const volumes = [
    { name: "a", configMap: { name: "files" } },
    { name: "b", secret: { secretName: "keys", optional: true } },
    {
      name: "c",
      projected: { sources: [{ configMap: { name: "part" } }, { secret: { name: "keys" } }] },
    },
    { name: "d", emptyDir: {} },
  ];
  const imagePullSecrets = [{ name: "registry" }];
  const spec = { containers: [container], initContainers: [init], volumes, imagePullSecrets };
  expect(
    reloadRefs(template(spec)).map(
      ({ kind, name, optional }) => `${kind}/${name}${optional ? "?" : ""}`,
    ),
  ).toEqual([
    "ConfigMap/env",
    "ConfigMap/files",
    "ConfigMap/init",
    "ConfigMap/part",
    "Secret/api?",
    "Secret/db",
    "Secret/keys",
  ]);
});

test("reloadRefs() finds nothing without the annotation", () => {
  const volumes = [{ name: "a", configMap: { name: "files" } }];
  expect(reloadRefs(template({ volumes }, "false"))).toEqual([]);
  expect(reloadRefs({ spec: template({ volumes }).spec })).toEqual([]);
});
