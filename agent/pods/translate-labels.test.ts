import { expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { containerLabel, label } from "../../crds/labels.ts";
import { membersOf } from "./containers.ts";
import { translate } from "./translate.ts";

test("an image lends a container no label by which orders are given", () => {
  const pod = buildPod();
  const [member] = membersOf(pod.spec);
  if (member === undefined) throw new Error("Missing container");
  const place = { hostIp: "10.0.0.7" };
  const { spec } = translate(pod, member, {
    sources: new Map(),
    place,
    cluster: "c1",
    network: "lh_shop_c1",
    imageUser: "",
  });
  for (const name of [label.application, label.revision, containerLabel.exclusiveCpus])
    expect(spec.Labels).toHaveProperty([name], "");
});
