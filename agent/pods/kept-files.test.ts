import { expect, onTestFinished, test } from "vitest";
import { configMaps, pods } from "../../api/machinery/resources.ts";
import { podReason } from "../../crds/conditions.ts";
import { annotation } from "../../crds/labels.ts";
import { agentRig, ask, bindPod, podOf, untilReady } from "../../test/kit/agent-rig.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";

/** How often files are written over a start, a stop and another start. */
async function writesOver(reload: string): Promise<number> {
  await using simulated = await simulatedEngine();
  const rig = await agentRig([simulated.url]);
  onTestFinished(() => rig.close());
  rig.start();
  const node = await rig.node();
  const metadata = { namespace: "shop", name: "conf" };
  await rig.api.create(configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata,
    data: { key: "one" },
  });
  const volumeMounts = [{ name: "conf", mountPath: "/etc/conf" }];
  const volumes = [{ name: "conf", configMap: { name: "conf" } }];
  const how = { image: testImages.web, node, container: { volumeMounts }, spec: { volumes } };
  await bindPod(rig.api, "web", { ...how, desired: "Prepared" });
  const body = { metadata: { annotations: { [annotation.reload]: reload } } };
  await rig.api.patch(pods, { namespace: "shop", name: "web" }, { type: "merge", body });
  await ask(rig.api, "web", "Running");
  await untilReady(rig.api, "web");
  await ask(rig.api, "web", "Stopped");
  await eventually("web is stopped", async () => {
    const [status] = (await podOf(rig.api, "web"))?.status?.containerStatuses ?? [];
    return status?.state?.waiting?.reason === podReason.stopped;
  });
  await rig.api.patch(configMaps, metadata, { type: "merge", body: { data: { key: "two" } } });
  await ask(rig.api, "web", "Running");
  await untilReady(rig.api, "web");
  return simulated.requests.filter((one) => /^PUT .*archive/.test(one)).length;
}

test("a container that is started again has today's files", async () => {
  expect(await writesOver("false")).toBe(2);
});

test("a container whose Revision stands for its files is started again with those it had", async () => {
  expect(await writesOver("true")).toBe(1);
});
