import { expect, test } from "vitest";
import { podKind } from "../kinds/pod.ts";
import { connectItem } from "./connect.ts";

const itemOf = (name: string): unknown => {
  const part = podKind.subresources?.find((one) => one.name === name);
  return part === undefined ? undefined : connectItem(part);
};

test.each([
  ["exec", "PodExecOptions", ["command", "container", "stderr", "stdin", "stdout", "tty"]],
  ["attach", "PodAttachOptions", ["container", "stderr", "stdin", "stdout", "tty"]],
  ["portforward", "PodPortForwardOptions", ["ports"]],
])("connectItem() of %s", (name, kind, parameters) => {
  const operation = {
    "x-kubernetes-action": "connect",
    "x-kubernetes-group-version-kind": { group: "", version: "v1", kind },
    parameters: parameters.map(
      (one) => expect.objectContaining({ name: one, in: "query" }) as unknown,
    ),
  };
  expect(itemOf(name)).toMatchObject({ get: operation, post: operation });
});

test("connectItem() knows nothing of other subresources", () => {
  expect(itemOf("binding")).toBeUndefined();
});
