import { readFile, rm } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import { nodes } from "../../../api/machinery/resources.ts";
import { podReason } from "../../../crds/conditions.ts";
import { layoutOf } from "../../../hack/docker/layout.ts";
import {
  type AgentRig,
  agentRig,
  bindPod,
  containersOf,
  is,
  podOf,
  untilReady,
} from "../../kit/agent-rig.ts";
import { type PrivateDockerd, privateDockerd, skipWithoutDockerd } from "../../kit/dockerd.ts";
import { eventually } from "../../kit/eventually.ts";
import { makeTestImages, testImages } from "../../kit/images.ts";

describe.skipIf(skipWithoutDockerd())("outages of a real engine", () => {
  let dockerd: PrivateDockerd;
  let rig: AgentRig;
  let node: string;

  beforeEach(async () => {
    dockerd = await privateDockerd();
    await using engine = openEngine(dockerd.url);
    await makeTestImages(engine.images);
    rig = await agentRig([dockerd.url], { pulseMs: 500 });
    rig.start();
    node = await rig.node();
  });
  afterEach(async () => {
    await rig?.close();
    await dockerd?.[Symbol.asyncDispose]();
  });

  const signal = async (name: NodeJS.Signals): Promise<void> => {
    process.kill(Number(await readFile(layoutOf(dockerd.dir).pidFile, "utf8")), name);
  };

  const untilNode = (status: string) =>
    eventually(`the Node is Ready ${status}`, () => {
      const [found] = rig.api.all(nodes);
      const ready = found?.status?.conditions?.find(({ type }) => type === "Ready");
      return ready?.status === status ? ready : undefined;
    });

  test("an engine that hangs is told, and goes on where it was", async () => {
    await bindPod(rig.api, "web", { image: testImages.web, node });
    const before = await untilReady(rig.api, "web");
    const [row] = await containersOf(rig.engine, before);
    await signal("SIGSTOP");
    try {
      expect((await untilNode("False")).message).toContain("hangs");
      await bindPod(rig.api, "late", { image: testImages.web, node });
    } finally {
      await signal("SIGCONT");
    }
    await untilNode("True");
    await untilReady(rig.api, "late");
    const pod = await podOf(rig.api, "web");
    expect(is(pod, "Ready")).toBe(true);
    expect(pod?.status?.containerStatuses?.[0]).toMatchObject({
      containerID: `docker://${row?.id}`,
      restartCount: 0,
    });
  });

  test("a machine that loses its power brings back what ran, and nothing that was parked", async () => {
    await bindPod(rig.api, "web", { image: testImages.web, node });
    await bindPod(rig.api, "parked", { image: testImages.web, node, desired: "Prepared" });
    const web = await untilReady(rig.api, "web");
    const parked = await eventually("the other is prepared", async () => {
      const pod = await podOf(rig.api, "parked");
      return is(pod, "lighthouse.dev/Prepared") ? pod : undefined;
    });
    const details = await Promise.all(
      (await containersOf(rig.engine, web)).map(({ id }) => rig.engine.containers.inspect(id)),
    );
    await signal("SIGKILL");
    for (const detail of details) if (detail) process.kill(detail.state.pid, "SIGKILL");
    await dockerd.stop(); // what SIGKILL left: containerd and its shims
    await rm(layoutOf(dockerd.dir).execRoot, { recursive: true, force: true }); // /run is empty after a boot
    await dockerd.start();
    const status = await eventually("it runs again", async () => {
      const pod = await podOf(rig.api, "web");
      const [now] = pod?.status?.containerStatuses ?? [];
      const fell = now?.lastState?.terminated?.reason === podReason.hostRestarted;
      return fell && is(pod, "Ready") ? now : undefined;
    });
    expect(status.restartCount).toBe(0);
    expect((await containersOf(rig.engine, parked))[0]?.phase).toBe("created");
  });
});
