import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WatchFrame } from "../../../api/client/client.ts";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import { isConflict, isUnavailable, reasonOf } from "../../../api/machinery/errors.ts";
import {
  beacons,
  type ConfigMap,
  configMaps,
  leases,
  nodes,
} from "../../../api/machinery/resources.ts";
import { openStore } from "../../../api/store/open.ts";
import type { Store } from "../../../api/store/store.ts";
import { findCondition } from "../../../api/machinery/conditions.ts";
import { type AgentEnd, serveTunnel } from "../../../api/tunnel/agent-end.ts";
import { dialTunnel } from "../../../api/tunnel/dial.ts";
import { createServedNodes } from "../../../api/tunnel/served-nodes.ts";
import { dialTargetOf } from "../../../agent/dial-target.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { label } from "../../../crds/labels.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { type EtcdServer, startEtcd } from "../../kit/etcd.ts";
import { eventually } from "../../kit/eventually.ts";
import { answerOf, bytesOf, callTo } from "../../kit/tunnel.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";

const namespace = "default";
const signal = AbortSignal.timeout(120_000);
const draft = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
});

/** Two API servers over one etcd: neither knows of the other. */
describe.skipIf(skipReason("etcd", missingProgram("etcd")))("two servers over one etcd", () => {
  let etcd: EtcdServer;
  const stack = new AsyncDisposableStack();
  let one: OwnedClient;
  let two: OwnedClient;
  let foreign: Store;

  const envs: Env[] = [];

  async function server(): Promise<OwnedClient> {
    const store = stack.use(await openStore(`etcd://${etcd.host}/lighthouse`));
    const [sibling] = envs;
    const shared = { store, sharedStore: true, beacon: "b1" };
    const env = stack.use(await startEnv(sibling === undefined ? shared : { ...shared, sibling }));
    envs.push(env);
    return stack.use(createClient({ ...env.admin, requestTimeoutMs: 15_000 }));
  }

  beforeAll(async () => {
    etcd = stack.use(await startEtcd());
    one = await server();
    two = await server();
    foreign = stack.use(await openStore(`etcd://${etcd.host}/somebody-else`));
  });
  afterAll(() => stack.disposeAsync());

  test("a write that one has answered is in the next list of the other", async () => {
    for (let index = 0; index < 30; index++) {
      const name = `seen-${index}`;
      const made = await one.create(configMaps, draft(name));
      const { items, resourceVersion } = await two.list(configMaps, { namespace });
      expect(items.map(({ metadata }) => metadata.name)).toContain(name);
      expect(Number(resourceVersion)).toBeGreaterThanOrEqual(Number(made.metadata.resourceVersion));
    }
  });

  test("writes of others to the same etcd do not hold up a list", async () => {
    for (let index = 0; index < 10; index++) {
      await foreign.put(`/foreign/${index}`, Buffer.from("x"), 0);
      const begun = performance.now();
      await two.list(configMaps, { namespace });
      expect(performance.now() - begun).toBeLessThan(1_000);
    }
  });

  test("patches through both are all kept", async () => {
    await one.create(configMaps, draft("both"));
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
    await Promise.all(
      keys.map(async (key, index) => {
        const client = index % 2 === 0 ? one : two;
        const patch = { type: "merge", body: { data: { [key]: "1" } } } as const;
        await eventually("the patch is taken", async () => {
          try {
            return await client.patch(configMaps, { namespace, name: "both" }, patch);
          } catch (err) {
            if (!isConflict(err)) throw err;
            return undefined;
          }
        });
      }),
    );
    const both = await two.get(configMaps, { namespace, name: "both" });
    expect(Object.keys(both?.data ?? {})).toHaveLength(keys.length);
  });

  test("a node's heartbeat through one is seen through the other", async () => {
    const key = { namespace: "lighthouse-node-lease", name: "node-1" };
    await one.create(leases, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: key,
      spec: { holderIdentity: "node-1" },
    });
    expect((await two.get(leases, key))?.spec?.holderIdentity).toBe("node-1");
  });

  async function dialFrom(env: Env, text: string): Promise<AgentEnd> {
    const { socket } = await dialTunnel(dialTargetOf(env.agent, "b1"), signal);
    const served = createServedNodes();
    served.serve("n1", async ({ caller }) => answerOf(`${text} for ${caller.user}`));
    const onError = (err: unknown): void => console.error(err);
    return serveTunnel(socket, { nodes: served, clock: systemClock, onError });
  }

  const ask = ({ nodes: agents }: Env, want: string) =>
    eventually(`it answers ${want}`, async () => {
      const answer = await agents.handler("n1")(callTo("/a"), signal);
      return (await bytesOf(answer.body)).toString() === want;
    });

  test("an agent is reached through the server that does not hold its tunnel", async () => {
    const [first, second] = envs as [Env, Env];
    await one.create(beacons, {
      apiVersion: "lighthouse.dev/v1",
      kind: "Beacon",
      metadata: { name: "b1" },
      spec: { paused: false },
    });
    const labels = { [label.beacon]: "b1" };
    await one.create(nodes, { apiVersion: "v1", kind: "Node", metadata: { name: "n1", labels } });
    const old = await dialFrom(first, "old");
    await ask(second, "old for ann");
    await ask(first, "old for ann");
    // The agent comes back at the other server before the first one has noticed that it left.
    const next = await dialFrom(second, "next");
    await ask(second, "next for ann");
    await old.close(1_000);
    await ask(first, "next for ann");
    expect((await two.get(beacons, { name: "b1" }))?.status?.server).toBe(second.url);
    await next.close(1_000);
    await eventually("nobody holds it", async () => {
      const beacon = await one.get(beacons, { name: "b1" });
      return findCondition(beacon?.status?.conditions, "Connected")?.status === "False";
    });
    await eventually("both say so", () => {
      for (const env of [first, second])
        expect(() => env.nodes.handler("n1")).toThrow("no agent of it is connected");
      return true;
    });
  });

  test("only servers may relay calls", async () => {
    const asking = one.raw({ method: "GET", path: "/lighthouse/peer" });
    await expect(asking).rejects.toThrow("only API servers may relay calls");
  });

  test("an outage fails writes clearly and loses no event of a watch", async () => {
    const { resourceVersion } = await two.list(configMaps, { namespace });
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      const frames = two.watch(configMaps, { namespace, resourceVersion }, stop.signal);
      for await (const frame of frames) seen.push(nameOf(frame));
    })();
    await one.create(configMaps, draft("outage-before"));
    await etcd.stop("SIGKILL");
    const refused = await one
      .create(configMaps, draft("outage-during"))
      .catch((err: unknown) => err);
    expect(refused).toSatisfy((err: unknown) => isUnavailable(err) || reasonOf(err) === "Timeout");
    await etcd.start();
    await eventually(
      "a write goes through again",
      () => one.create(configMaps, draft("outage-after")),
      { timeoutMs: 30_000 },
    );
    await eventually("the watch sees it", () => seen.includes("outage-after"), {
      timeoutMs: 30_000,
    });
    stop.abort();
    await watching;
    const outage = seen.filter((name) => name.startsWith("outage") && name !== "outage-during");
    expect(outage).toEqual(["outage-before", "outage-after"]);
  });
});

function nameOf(frame: WatchFrame<ConfigMap>): string {
  return frame.type === "BOOKMARK" ? "" : frame.object.metadata.name;
}
