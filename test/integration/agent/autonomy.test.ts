import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SimulatedEngine } from "../../../agent/simulated/simulated-engine.ts";
import { unavailable } from "../../../api/machinery/errors.ts";
import { configMaps, pods } from "../../../api/machinery/resources.ts";
import {
  type AgentRig,
  agentRig,
  bindPod,
  containersOf,
  podOf,
  untilReady,
} from "../../kit/agent-rig.ts";
import { eventually } from "../../kit/eventually.ts";
import { testImages } from "../../kit/images.ts";
import type { MemoryCall } from "../../kit/memory-api.ts";
import { simulatedEngine } from "../../kit/simulated-engine.ts";

/** Bytes in use after everything that nobody holds was dropped. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

describe("an agent whose API is away", () => {
  let simulated: SimulatedEngine;
  let rig: AgentRig;
  let node: string;
  let away: boolean;
  let asked: MemoryCall[];

  beforeEach(async () => {
    simulated = await simulatedEngine();
    rig = await agentRig([simulated.url]);
    away = false;
    asked = [];
    rig.api.before((call) => {
      asked.push(call);
      if (away) throw unavailable("Cannot reach the API server");
    });
    rig.start();
    node = await rig.node();
  });
  afterEach(async () => {
    away = false;
    await rig.close();
    await simulated[Symbol.asyncDispose]();
  });

  const idOf = async (name: string): Promise<string> => {
    const [row] = await containersOf(rig.engine, await untilReady(rig.api, name));
    return row?.id ?? "";
  };

  const untilRunsAgain = (id: string, before: number) =>
    eventually(`${id} runs again`, async () => {
      const detail = await rig.engine.containers.inspect(id);
      return detail?.state.phase === "running" && (detail.state.startedAtMs ?? 0) > before;
    });

  test("restarts what crashes, with the files it has, and says so when the API is back", async () => {
    const metadata = { namespace: "shop", name: "settings" };
    const data = { color: "blue" };
    await rig.api.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata, data });
    const volumeMounts = [{ name: "settings", mountPath: "/etc/settings" }];
    const volumes = [{ name: "settings", configMap: { name: "settings" } }];
    const more = { container: { volumeMounts }, spec: { volumes } };
    await bindPod(rig.api, "web", { image: testImages.web, node, ...more });
    const id = await idOf("web");
    away = true;
    simulated.exit(id, 3);
    await untilRunsAgain(id, Date.now() - 1);
    away = false;
    const status = await eventually("the restart is told", async () => {
      const pod = await podOf(rig.api, "web");
      const [one] = pod?.status?.containerStatuses ?? [];
      return one?.restartCount === 1 ? one : undefined;
    });
    expect(status.containerID).toBe(`docker://${id}`);
    expect(status.lastState?.terminated?.exitCode).toBe(3);
  });

  test("stops afterwards what was deleted meanwhile, and nothing before", async () => {
    await bindPod(rig.api, "doomed", { image: testImages.web, node });
    const id = await idOf("doomed");
    await rig.stop();
    await rig.api.delete(pods, { namespace: "shop", name: "doomed" });
    away = true;
    asked.length = 0;
    rig.start();
    await eventually("the agent has asked in vain", () => asked.length > 0);
    expect((await rig.engine.containers.inspect(id))?.state.phase).toBe("running");
    away = false;
    await eventually("the container is gone", async () => {
      return (await rig.engine.containers.inspect(id)) === undefined;
    });
  });

  test("keeps its memory, however much happens", async () => {
    const names = ["web-0", "web-1", "web-2", "web-3"];
    for (const name of names) await bindPod(rig.api, name, { image: testImages.silent, node });
    const ids = await Promise.all(names.map(idOf));
    const churn = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i += 1)
        await Promise.all(
          ids.map((id, n) => rig.engine.containers.rename(id, `by-hand-${n}-${i}`)),
        );
    };
    away = true;
    await churn(50); // what is made once is there by now
    const before = heapBytes();
    await churn(500);
    const grownBytes = heapBytes() - before;
    expect(grownBytes).toBeLessThan(4 * 1024 * 1024);
    asked.length = 0;
    away = false;
    for (const id of ids) simulated.exit(id, 1);
    await eventually("all of them tell their restart", async () => {
      const all = await Promise.all(names.map((name) => podOf(rig.api, name)));
      return all.every((pod) => pod?.status?.containerStatuses?.[0]?.restartCount === 1);
    });
    const writes = asked.filter(({ verb, type }) => verb === "patch" && type.plural === "pods");
    expect(writes.length).toBeLessThanOrEqual(names.length * 4);
  });

  test("an agent that is replaced meanwhile touches nothing", async () => {
    await bindPod(rig.api, "web", { image: testImages.web, node });
    const id = await idOf("web");
    const before = await rig.engine.containers.inspect(id);
    away = true;
    await rig.stop();
    asked.length = 0;
    rig.start();
    await eventually("the new agent has asked in vain", () => asked.length > 0);
    away = false;
    await rig.node();
    await untilReady(rig.api, "web");
    expect((await rig.engine.containers.inspect(id))?.state).toEqual(before?.state);
  });

  test("a container of an older agent stays on Docker's default bridge", async () => {
    await bindPod(rig.api, "web", { image: testImages.web, node });
    const made = await rig.engine.containers.inspect(await idOf("web"));
    await rig.stop();
    await rig.engine.containers.remove(made?.id ?? "", { force: true });
    const spec = { Image: testImages.web, Labels: made?.labels ?? {} };
    const HostConfig = { NetworkMode: "bridge" };
    const id = await rig.engine.containers.create(made?.name ?? "", { ...spec, HostConfig });
    await rig.engine.containers.start(id);
    rig.start();
    await eventually("the pod has the older container", async () => {
      const [status] = (await podOf(rig.api, "web"))?.status?.containerStatuses ?? [];
      return status?.containerID === `docker://${id}` && status.ready;
    });
    expect((await rig.engine.containers.inspect(id))?.networkMode).toBe("bridge");
  });
});
