import { execFile } from "node:child_process";
import { connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import { beacons, nodes, type Pod, pods } from "../../../api/machinery/resources.ts";
import { annotation } from "../../../crds/labels.ts";
import { finish } from "../../conformance/engine-kit.ts";
import {
  type AgentRig,
  agentRig,
  bindPod,
  containersOf,
  podOf,
  type PodOptions,
  untilReady,
} from "../../kit/agent-rig.ts";
import { type PrivateDockerd, privateDockerd, skipWithoutDockerd } from "../../kit/dockerd.ts";
import { eventually } from "../../kit/eventually.ts";
import { makeImage, webRecipe } from "../../../hack/docker/example-images.ts";
import { makeTestImages, testImages } from "../../kit/images.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";
import { pushImage, startRegistry } from "../../kit/registry.ts";

const mebibyte = 1024 ** 2;
/** 5 MB each second: 10 MB take two. */
const rate = "40M";
const bytes = 10_000_000;
const isAbout = (seconds: number): boolean => seconds > 2 * 0.85 && seconds < 2 * 1.15;

async function dial(address: string, port: number): Promise<Socket> {
  return eventually(`${address}:${port} answers`, async () => {
    const socket = connect(port, address);
    const connected = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    return connected ? socket : undefined;
  });
}

describe.skipIf(skipWithoutDockerd())("limits on a real engine", () => {
  let dockerd: PrivateDockerd;
  let rig: AgentRig;
  let node: string;

  beforeAll(async () => {
    dockerd = await privateDockerd();
    await using engine = openEngine(dockerd.url);
    await makeTestImages(engine.images);
    rig = await agentRig([dockerd.url]);
    rig.start();
    node = await rig.node();
    const body = { spec: { storage: { checkSeconds: 5 }, offer: { cpu: "1500m", memory: "1Ti" } } };
    await rig.api.patch(beacons, { name: "local" }, { type: "merge", body });
  });
  afterAll(async () => {
    await rig?.close();
    await dockerd?.[Symbol.asyncDispose]();
  });

  const run = (name: string, more: Partial<PodOptions> = {}): Promise<Pod> =>
    bindPod(rig.api, name, { image: testImages.silent, node, ...more });
  const idOf = async (pod: Pod): Promise<string> =>
    (await containersOf(rig.engine, pod))[0]?.id ?? "";
  const inside = async (pod: Pod, line: string) =>
    finish(await rig.engine.io.exec(await idOf(pod), { command: ["sh", "-c", line] }));

  /** The limit comes a moment after the start: what is measured must begin behind it. */
  const untilLimited = async (pod: Pod): Promise<void> => {
    const { pid = 0 } = (await rig.engine.containers.inspect(await idOf(pod)))?.state ?? {};
    await eventually("the cable is limited", async () => {
      const argv = [`--net=/proc/${pid}/ns/net`, "tc", "qdisc", "show", "dev", "eth0"];
      return (await promisify(execFile)("nsenter", argv)).stdout.includes("qdisc tbf");
    });
  };

  test("a Node lends out what its owner offers, and a lie is capped", async () => {
    const status = await eventually("the offer is on the Node", () => {
      const found = rig.api.all(nodes)[0]?.status;
      return found?.allocatable?.["cpu"] === "1500m" ? found : undefined;
    });
    const kibibytes = Number.parseInt(status.capacity?.["memory"] ?? "", 10);
    expect(kibibytes).toBeGreaterThan(0);
    expect(status.allocatable?.["memory"]).not.toBe("1Ti");
    expect(status.capacity?.["ephemeral-storage"]).toMatch(/^\d+Ki$/);
  });

  test("a process that takes more memory than it may is OOMKilled", async () => {
    const resources = { limits: { memory: "16Mi" } };
    const command = ["sh", "-c", "tail /dev/zero"];
    await run("greedy", { container: { resources, command }, spec: { restartPolicy: "Never" } });
    const pod = await eventually("the container ended", async () => {
      const found = await podOf(rig.api, "greedy");
      return found?.status?.phase === "Failed" ? found : undefined;
    });
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated?.reason).toBe("OOMKilled");
  });

  test("traffic of a pod is held to its bandwidth in both directions, also after a restart", async () => {
    await run("slow", {
      annotations: { [annotation.ingressBandwidth]: rate, [annotation.egressBandwidth]: rate },
    });
    const pod = await untilReady(rig.api, "slow");
    await untilLimited(pod);
    const address = pod.status?.podIP ?? "";

    const counting = inside(pod, "nc -l -p 9000 | wc -c");
    const up = await dial(address, 9000);
    const upMs = performance.now();
    up.end(Buffer.alloc(bytes));
    expect((await counting).stdout.trim()).toBe(`${bytes}`);
    const upSeconds = (performance.now() - upMs) / 1000;

    // Somebody else's restart brings another cable.
    await rig.engine.containers.stop(await idOf(pod), 0);
    await rig.engine.containers.start(await idOf(pod));
    const again = await untilReady(rig.api, "slow");
    await untilLimited(pod);
    const sending = inside(again, `head -c ${bytes} /dev/zero | nc -l -p 9001`);
    const down = await dial(again.status?.podIP ?? "", 9001);
    const downMs = performance.now();
    let got = 0;
    for await (const chunk of down) got += (chunk as Buffer).length;
    const downSeconds = (performance.now() - downMs) / 1000;
    await sending;
    expect(got).toBe(bytes);
    expect({ upSeconds, ok: isAbout(upSeconds) }).toMatchObject({ ok: true });
    expect({ downSeconds, ok: isAbout(downSeconds) }).toMatchObject({ ok: true });
  });

  test("one that asks for a CPU of its own gets it, and others of ours leave it", async () => {
    const cpus = rig.api.all(nodes)[0]?.status?.capacity?.["cpu"] ?? "0";
    const last = Number(cpus) - 1;
    await run("shares");
    const shares = await untilReady(rig.api, "shares");
    await run("owns", {
      annotations: { [annotation.exclusiveCpus]: "true" },
      container: { resources: { limits: { cpu: "1", memory: "64Mi" } } },
    });
    const owns = await untilReady(rig.api, "owns");
    const allowed = async (pod: Pod) =>
      (await inside(pod, "grep Cpus_allowed_list /proc/1/status")).stdout.split("\t")[1]?.trim();
    expect(await allowed(owns)).toBe(`${last}`);
    expect(await allowed(shares)).toBe(last === 1 ? "0" : `0-${last - 1}`);
  });

  test("a pod that writes more than it may is evicted, and its sibling runs on", async () => {
    const container = { resources: { limits: { "ephemeral-storage": "2Mi" } } };
    await Promise.all([run("writer", { container }), run("sibling", { container })]);
    const writer = await untilReady(rig.api, "writer");
    const sibling = await untilReady(rig.api, "sibling");
    const before = await rig.engine.containers.inspect(await idOf(sibling));
    await inside(writer, `head -c ${4 * mebibyte} /dev/zero > /big`);
    const gone = await eventually(
      "the writer is evicted",
      async () => {
        const pod = await podOf(rig.api, "writer");
        const state = pod?.status?.containerStatuses?.[0]?.state;
        return pod?.status?.phase === "Failed" && state?.terminated !== undefined ? pod : undefined;
      },
      { timeoutMs: 12_000 },
    );
    expect(gone.status).toMatchObject({
      reason: "Evicted",
      message: "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi.",
    });
    expect(gone.status?.containerStatuses?.[0]?.restartCount).toBe(0);
    expect(await rig.engine.containers.inspect(await idOf(sibling))).toEqual(before);
  });

  test.skipIf(skipReason("pulls from a registry", missingProgram("docker-registry")))(
    "an image that nobody needs goes when the disk is full, and other people's images stay",
    async () => {
      await using registry = await startRegistry();
      const image = `${registry.address}/team/web:v1`;
      await makeImage(rig.engine.images, image, webRecipe("v1"));
      await pushImage(dockerd.url, image);
      await rig.engine.images.remove(image);
      const held = async () =>
        (await rig.engine.upkeep.images()).map(({ id, tags }) => `${id} ${tags.join()}`).toSorted();
      const foreign = await held();
      await run("puller", { image });
      await untilReady(rig.api, "puller");
      expect(await rig.engine.images.inspect(image)).toBeDefined();
      await rig.api.delete(pods, { namespace: "shop", name: "puller" });
      const storage = { imageHighPercent: 1, imageLowPercent: 0, imageMinimumAgeSeconds: 0 };
      const body = { spec: { storage } };
      await rig.api.patch(beacons, { name: "local" }, { type: "merge", body });
      await eventually(
        "the image is gone",
        async () => (await rig.engine.images.inspect(image)) === undefined,
        { timeoutMs: 15_000 },
      );
      // Its tag goes first, then its digest, and the image with the last of them.
      await eventually("nothing else is gone", async () => {
        expect(await held()).toEqual(foreign);
        return true;
      });
      const listed = await eventually("the Node lists its images", () => {
        return rig.api.all(nodes)[0]?.status?.images;
      });
      expect(listed.flatMap(({ names }) => names)).toContain(testImages.web);
    },
    20_000,
  );
});
