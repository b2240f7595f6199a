import { expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { cables, readLinks, shapeArgs, shapeOf } from "./bandwidth-plan.ts";

const pod = (annotations: Record<string, string>) => buildPod({ metadata: { annotations } });

test("shapeOf() reads what a pod asks for, and names what is none", () => {
  expect(shapeOf(pod({}))).toBeUndefined();
  expect(shapeOf(pod({ "kubernetes.io/ingress-bandwidth": "10M" }))).toEqual({ ingressBits: 1e7 });
  expect(
    shapeOf(
      pod({ "kubernetes.io/ingress-bandwidth": "1k", "kubernetes.io/egress-bandwidth": "1Mi" }),
    ),
  ).toEqual({ ingressBits: 1000, egressBits: 1_048_576 });
  expect(shapeOf(pod({ "kubernetes.io/egress-bandwidth": "$(reboot)" }))).toEqual({
    problem:
      'kubernetes.io/egress-bandwidth "$(reboot)": must be a quantity of bits per second, e.g. 10M',
  });
});

test.each([
  [1_000, "4096b"],
  [8_000_000, "20000b"],
  [1e15, "4194304b"],
])("shapeArgs() of %d bits per second may burst %s", (bits, burst) => {
  expect(shapeArgs("veth1", bits)).toEqual(
    `qdisc replace dev veth1 root tbf rate ${bits}bit burst ${burst} latency 50ms`.split(" "),
  );
});

test("cables() pairs ends that name each other, and nothing else", () => {
  const inside = readLinks(
    '[{"ifindex":1,"ifname":"lo"},{"ifindex":7,"link_index":8,"ifname":"eth0"}]',
  );
  const outside = readLinks(
    '[{"ifindex":8,"link_index":7,"ifname":"veth8"},{"ifindex":9,"link_index":5,"ifname":"veth9"}]',
  );
  expect(cables(inside, outside)).toEqual([{ inner: "eth0", outer: "veth8" }]);
  expect(cables(inside, [])).toEqual([]);
  const stranger = readLinks('[{"ifindex":8,"link_index":6,"ifname":"veth8"}]');
  expect(cables(inside, stranger)).toEqual([]);
});

test("readLinks() takes what is a link", () => {
  expect(readLinks("")).toEqual([]);
  expect(readLinks('[{}, null, 3, {"ifindex":"1"}]')).toEqual([]);
  expect(readLinks("{}")).toEqual([]);
});
