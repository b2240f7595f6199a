import { expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { expand } from "./env.ts";
import { sourceNames } from "./sources.ts";

test("sourceNames() finds each ConfigMap and Secret once", () => {
  const pod = buildPod({
    spec: {
      containers: [
        {
          name: "app",
          envFrom: [{ secretRef: { name: "login" } }],
          env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "settings", key: "a" } } }],
        },
      ],
      volumes: [
        { name: "v", configMap: { name: "settings" } },
        { name: "p", projected: { sources: [{ secret: { name: "more" } }] } },
      ],
    },
  });
  expect(
    sourceNames(pod)
      .map(({ kind, name }) => `${kind}/${name}`)
      .toSorted(),
  ).toEqual(["ConfigMap/settings", "Secret/login", "Secret/more"]);
});

test.each([
  ["$(A)", "1"],
  ["$$(A)", "$(A)"],
  ["$(B)", "$(B)"],
  ["$A $", "$A $"],
  ["$(A)$(A)", "11"],
])("expand(%s) is %s", (input, want) => {
  expect(expand(input, new Map([["A", "1"]]))).toBe(want);
});
