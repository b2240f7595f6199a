import { expect, test } from "vitest";
import { type NodeTarget, targetId } from "./node-target.ts";

const target: NodeTarget = {
  nodeName: "host-1",
  config: { server: "https://127.0.0.1:6443" },
  context: "admin",
  kubeconfig: "/a",
};

test("what is kept for a Node is apart by server, context and kubeconfig", () => {
  expect(targetId({ ...target })).toBe(targetId(target));
  const others: readonly NodeTarget[] = [
    { ...target, nodeName: "host-2" },
    { ...target, config: { server: "https://127.0.0.1:7443" } },
    { ...target, context: "ann" },
    { ...target, kubeconfig: "/b" },
  ];
  expect(new Set([target, ...others].map(targetId)).size).toBe(5);
});
