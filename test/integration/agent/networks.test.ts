import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import { keyOf } from "../../../api/machinery/object.ts";
import { type Pod, pods } from "../../../api/machinery/resources.ts";
import { label } from "../../../crds/labels.ts";
import { finish } from "../../conformance/engine-kit.ts";
import {
  type AgentRig,
  agentRig,
  bindPod,
  containersOf,
  is,
  type PodOptions,
} from "../../kit/agent-rig.ts";
import { type PrivateDockerd, privateDockerd, skipWithoutDockerd } from "../../kit/dockerd.ts";
import { eventually } from "../../kit/eventually.ts";
import { makeTestImages, testImages } from "../../kit/images.ts";
import { type Network, openNetwork } from "../../kit/namespaces.ts";

const hostPort = 18_080;

// As a machine of its own: only there an engine may filter what crosses its bridges.
describe.skipIf(skipWithoutDockerd())("networks of namespaces on a real engine", () => {
  let net: Network;
  let dockerd: PrivateDockerd;
  let rig: AgentRig;
  let node: string;
  let host: string;

  beforeAll(async () => {
    net = await openNetwork();
    const { namespace, address } = await net.join();
    host = address;
    dockerd = await privateDockerd({ network: { namespace, bridgeAddress: "172.21.0.1/16" } });
    await using engine = openEngine(dockerd.url);
    await makeTestImages(engine.images);
    rig = await agentRig([dockerd.url]);
    rig.start();
    node = await rig.node();
  });
  afterAll(async () => {
    await rig?.close();
    await dockerd?.[Symbol.asyncDispose]();
    await net?.[Symbol.asyncDispose]();
  });

  const running = async (
    name: string,
    image: string,
    more: Partial<PodOptions> = {},
  ): Promise<Pod> => {
    const one = await bindPod(rig.api, name, { image, node, ...more });
    return eventually(`pod ${name} is Ready`, async () => {
      const pod = await rig.api.get(pods, keyOf(one));
      return is(pod, "Ready") ? pod : undefined;
    });
  };

  /** What a program says inside a pod. */
  const inside = async (pod: Pod, ...command: readonly string[]) => {
    const [container] = await containersOf(rig.engine, pod);
    return finish(await rig.engine.io.exec(container?.id ?? "", { command }));
  };
  /** The answer of a web server; nc gives up after a second, which wget of a static busybox cannot. */
  const get = async (pod: Pod, name: string, port = 80) => {
    const line = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 1 ${name} ${port}`;
    const { stdout, stderr } = await inside(pod, "sh", "-c", line);
    return stdout.includes("200 OK") ? (stdout.trim().split("\n").at(-1) ?? "") : stderr.trim();
  };

  const networkNames = async (): Promise<readonly string[]> =>
    (await rig.engine.networks.list())
      .map(({ name }) => name)
      .filter((one) => one.startsWith("lh_"));

  test("siblings reach each other by address and name, tenants do not, and the last one out tidies up", async () => {
    const [web, sibling, stranger] = await Promise.all([
      running("web-0", testImages.web, {
        labels: { [label.application]: "front" },
        container: { ports: [{ containerPort: 80, hostPort }] },
        spec: { hostname: "zero", subdomain: "peers" },
      }),
      running("client", testImages.silent),
      running("spy", testImages.silent, { namespace: "rival" }),
    ]);
    const ip = web.status?.podIP ?? "";
    const names = ["web-0", "front", "front.shop", "zero", "zero.peers", "peers.shop.svc"];
    for (const name of [ip, ...names, "front.shop.svc.cluster.local"])
      expect(await get(sibling, name), name).toBe("v1");
    expect(await get(stranger, ip)).toContain("timed out");
    expect((await inside(stranger, "ping", "-c", "1", "-W", "1", ip)).code).toBe(1);
    expect(await get(stranger, "front")).not.toBe("v1");
    // A host port is for everybody, as in Kubernetes.
    expect(await get(stranger, host, hostPort)).toBe("v1");
    expect(await (await fetch(`http://${host}:${hostPort}/`)).text()).toBe("v1\n");

    expect(await networkNames()).toHaveLength(2);
    for (const one of [web, sibling, stranger]) await rig.api.delete(pods, keyOf(one));
    await eventually("the pods are gone", () => rig.api.all(pods).length === 0);
    expect(await networkNames()).toEqual([]);
  });
});
