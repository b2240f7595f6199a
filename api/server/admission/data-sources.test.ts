import { expect, test } from "vitest";
import { dataCauses } from "./data-sources.ts";

const url = `https://files.example/a.zip#sha256=${"a".repeat(64)}`;
const mount = { name: "in", mountPath: "/in" };

function template(volume: object, mounts: readonly object[], value = url) {
  return {
    metadata: { annotations: { "data.lighthouse.dev/in": value, "example.org/x": "y" } },
    spec: {
      volumes: [{ name: "in", ...volume }],
      containers: [{ name: "app", image: "a", volumeMounts: mounts }],
    },
  } as Parameters<typeof dataCauses>[0];
}

test("dataCauses() takes an emptyDir that a container may write to", () => {
  expect(dataCauses(template({ emptyDir: {} }, [mount]), "")).toEqual([]);
  expect(dataCauses({}, "")).toEqual([]);
});

test.each([
  ["a wrong URL", template({ emptyDir: {} }, [mount], "ftp://a"), "must be an http or https URL"],
  ["another volume", template({ name: "other", emptyDir: {} }, []), 'there is none called "in"'],
  ["a host's directory", template({ hostPath: { path: "/" } }, [mount]), "to be an emptyDir"],
  ["memory", template({ emptyDir: { medium: "Memory" } }, [mount]), "on disk"],
  ["no mount", template({ emptyDir: {} }, []), "mounts volume"],
  ["a read-only mount", template({ emptyDir: {} }, [{ ...mount, readOnly: true }]), "writable"],
  ["a part of it", template({ emptyDir: {} }, [{ ...mount, subPath: "a" }]), "whole"],
])("dataCauses() refuses %s by name", (_what, wrong, why) => {
  const causes = dataCauses(wrong, "spec.template.");
  expect(causes).toMatchObject([
    { field: "spec.template.metadata.annotations[data.lighthouse.dev/in]" },
  ]);
  expect(causes[0]?.message).toContain(why);
});
