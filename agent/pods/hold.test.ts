import { expect, test } from "vitest";
import { events, nodes, pods } from "../../api/machinery/resources.ts";
import { annotation } from "../../crds/labels.ts";
import { agentRig, bindPod, containersOf, untilReady } from "../../test/kit/agent-rig.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";

test("after a restore, containers of unknown Pods run on until the hold is taken off", async () => {
  await using simulated = await simulatedEngine();
  const rig = await agentRig([simulated.url]);
  try {
    rig.start();
    const node = await rig.node();
    const hold = (since: string | null) => ({
      type: "merge" as const,
      body: { metadata: { annotations: { [annotation.holdUnknown]: since } } },
    });
    await rig.api.patch(nodes, { name: node }, hold("2026-11-21T20:00:00Z"));
    await bindPod(rig.api, "young", { image: testImages.web, node });
    const young = await untilReady(rig.api, "young");
    const [before] = await containersOf(rig.engine, young);
    // As after a restore: the API knows nothing of it.
    await rig.api.delete(pods, { namespace: "shop", name: "young" }, { gracePeriodSeconds: 0 });
    const told = await eventually("the Node says so", () =>
      rig.api.all(events).find(({ reason }) => reason === "UnknownPodHeld"),
    );
    expect(told.message).toContain(`Pod shop/young (uid ${young.metadata.uid})`);
    expect(told.message).toContain(`lighthouse restore release ${node}`);
    const held = await containersOf(rig.engine, young);
    expect(held).toEqual([before]);
    await rig.stop();
    await rig.api.patch(nodes, { name: node }, hold(null));
    rig.start(); // which looks at once; a running agent does within seconds
    await eventually("the container is removed", async () =>
      (await containersOf(rig.engine, young)).length === 0 ? true : undefined,
    );
  } finally {
    await rig.close();
  }
});
