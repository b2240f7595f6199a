import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import type { ContainerSummary, Engine } from "../../../agent/engine/engine.ts";
import { tar } from "../../../agent/engine/tar.ts";
import { createFarPorts } from "../../../agent/far/far-ports.ts";
import { patienceOf } from "../../../agent/far/patience.ts";
import { factOf } from "../../../agent/pods/inventory.ts";
import type { Streams } from "../../../agent/serve.ts";
import { keyOf } from "../../../api/machinery/object.ts";
import { type Pod, pods } from "../../../api/machinery/resources.ts";
import { issueAuthority, issueCertificate } from "../../../api/server/pki/issue.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { containerLabel } from "../../../crds/labels.ts";
import { finish } from "../../conformance/engine-kit.ts";
import { type AgentRig, agentRig, bindPod, podOf, untilReady } from "../../kit/agent-rig.ts";
import { type PrivateDockerd, privateDockerd, skipWithoutDockerd } from "../../kit/dockerd.ts";
import { eventually } from "../../kit/eventually.ts";
import { makeTestImages, testImages } from "../../kit/images.ts";

const quiet = () => undefined;
const relays = { [containerLabel.relayOf]: "" };

/** Whether a container is one of the pod's spec. */
const isOf =
  (pod: Pod) =>
  ({ labels }: ContainerSummary): boolean =>
    labels[containerLabel.podUid] === pod.metadata.uid &&
    labels[containerLabel.container] === "app";

/** A directory for both ends of TLS with an engine at `address`. */
async function makeCerts(dir: string, address: string): Promise<string> {
  const nowMs = Date.now();
  const authority = await issueAuthority("engines", nowMs);
  const identity = { user: address, groups: [] };
  const both = { identity, names: [address], nowMs };
  for (const usage of ["server", "client"] as const) {
    const { certificate, key } = await issueCertificate(authority, { ...both, usage });
    const own = join(dir, usage);
    await mkdir(own);
    await writeFile(join(own, "ca.pem"), authority.certificate);
    await writeFile(join(own, "cert.pem"), certificate);
    await writeFile(join(own, "key.pem"), key, { mode: 0o600 });
  }
  return dir;
}

describe.skipIf(skipWithoutDockerd())("ports on an engine elsewhere", () => {
  const signal = AbortSignal.timeout(60_000);
  let dir: string;
  let dockerd: PrivateDockerd;
  let engine: Engine;
  let rig: AgentRig;
  let node: string;
  let streams: Streams;
  let before: readonly string[];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "lh-far-"));
    const [a = 1, b = 1] = randomBytes(2);
    const address = `127.77.${a}.${Math.max(1, Math.min(b, 254))}`;
    await makeCerts(dir, address);
    const listen = { address, certDir: join(dir, "server") };
    dockerd = await privateDockerd({ listen });
    engine = openEngine(dockerd.url);
    await makeTestImages(engine.images);
    await engine.containers.create("by-hand", { Image: testImages.silent });
    await engine.containers.start("by-hand");
    before = await sight();
    const certDir = join(dir, "client");
    rig = await agentRig([`tcp://${address}:2376`], {
      open: ({ url }) => openEngine(url, { certDir }),
    });
    rig.start();
    node = await rig.node();
    streams = await eventually("the node is served", () => rig.streams.get(node));
  });
  afterAll(async () => {
    await rig?.close();
    await engine?.[Symbol.asyncDispose]();
    await dockerd?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const sight = async (): Promise<readonly string[]> => {
    const all = await engine.containers.list();
    const networks = await engine.networks.list();
    return [...all, ...networks].map(({ id }) => id).sort();
  };

  const remove = async (pod: Pod): Promise<void> => {
    await rig.api.delete(pods, keyOf(pod), { gracePeriodSeconds: 1 });
    await eventually("pod and relay are gone", async () => {
      const seen = await sight();
      return seen.join() === before.join() ? true : undefined;
    });
  };

  const readinessProbe = {
    httpGet: { path: "/", port: 80 },
    periodSeconds: 1,
    timeoutSeconds: 2,
  };

  test("a pod becomes ready by httpGet, and its port can be dialled", async () => {
    const livenessProbe = { tcpSocket: { port: 80 }, periodSeconds: 1 };
    await bindPod(rig.api, "web", {
      image: testImages.web,
      node,
      container: { readinessProbe, livenessProbe },
    });
    const pod = await untilReady(rig.api, "web");
    const port = await streams.dial(pod, 80, signal);
    port.end("GET / HTTP/1.0\r\n\r\n"); // half a close: the answer comes after it
    expect((await buffer(port)).toString()).toMatch(/200 OK[^]*v1\n$/);
    await expect(streams.dial(pod, 81, signal)).rejects.toMatchObject({
      message: "Cannot connect to port 81 of pod shop/web: nothing listens on it",
    });
    const [relay, ...more] = await engine.containers.list(relays);
    expect(more).toEqual([]);
    expect(pod.status?.containerStatuses).toHaveLength(1);

    // Started again it has another network, which the relay of before is not in.
    const [id = ""] = (await engine.containers.list()).filter(isOf(pod)).map((row) => row.id);
    await engine.containers.kill(id, "SIGKILL");
    await eventually("it is ready again, by another relay", async () => {
      const [status] = (await podOf(rig.api, "web"))?.status?.containerStatuses ?? [];
      const [now] = await engine.containers.list(relays);
      return status?.ready === true && status.restartCount === 1 && now?.id !== relay?.id;
    });
    await remove(pod);
  });

  const dialled = (pod: Pod, port: number): Promise<Duplex> =>
    eventually(`port ${port} is there`, () =>
      streams.dial(pod, port, signal).catch(() => undefined),
    );

  /** Runs in the one relay there is. */
  const inRelay = async (script: string): Promise<string> => {
    const [relay] = await engine.containers.list(relays);
    const command = ["sh", "-c", script];
    return (await finish(await engine.io.exec(relay?.id ?? "", { command }))).stdout;
  };

  test("3 MB go both ways, and who leaves leaves nothing behind", async () => {
    const echo = "while :; do nc -l -p 7000 -e cat; done &";
    const deaf = "while :; do nc -l -p 7001 -e sleep 100; done";
    const container = { command: ["sh", "-c", `${echo} ${deaf}`] };
    const pod = await bindPod(rig.api, "echo", { image: testImages.silent, node, container });
    await untilReady(rig.api, "echo");
    const bytes = randomBytes(3 * 1024 * 1024);
    const port = await dialled(pod, 7000);
    port.end(bytes);
    expect((await buffer(port)).equals(bytes)).toBe(true);
    const left = await dialled(pod, 7001); // its peer does not hang up
    left.destroy();
    await eventually("its command has ended", async () => {
      const found = await inRelay("grep -l ^nc /proc/[0-9]*/cmdline; true");
      return found === "" ? true : undefined;
    });
    await remove(pod);
  });

  test("without a relay the tools of the image do, or the way out is named", async () => {
    const command = ["httpd", "-f", "-p", "80"];
    const archive = tar([
      { type: "file", path: "busybox", content: await readFile("/bin/busybox"), mode: 0o755 },
    ]);
    await engine.images.import("lh/bare:v1", archive, ['CMD ["/busybox", "httpd", "-f"]']);
    const [some, bare] = await Promise.all([
      bindPod(rig.api, "some", { image: testImages.silent, node, container: { command } }),
      bindPod(rig.api, "bare", { image: "lh/bare:v1", node }),
    ]);
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const own = { clock: systemClock, log, relayProgram: "/nowhere" };
    const far = createFarPorts({ engine, cluster: "c1", ...own });
    const ask = async (pod: Pod): Promise<string> => {
      await untilReady(rig.api, pod.metadata.name);
      const [row] = await engine.containers.list({ [containerLabel.podUid]: pod.metadata.uid });
      const detail = await engine.containers.inspect(row?.id ?? "");
      if (detail === undefined) throw new Error("the container is gone");
      const to = { pod, root: factOf(detail), host: "127.0.0.1", port: 80, advice: "use exec" };
      const stream = await far.open(to, patienceOf(signal));
      stream.end("GET / HTTP/1.0\r\n\r\n");
      return (await buffer(stream)).toString();
    };
    expect(await eventually("it answers", () => ask(some))).toContain("404 Not Found");
    await expect(ask(bare)).rejects.toThrow(/publish the port as hostPort, or use exec$/);
    await Promise.all([remove(some), remove(bare)]);
  });
});
