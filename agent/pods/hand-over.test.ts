import { afterEach, beforeEach, expect, test } from "vitest";
import type { Pod } from "../../api/machinery/resources.ts";
import { podCondition, podReason } from "../../crds/conditions.ts";
import { containerLabel } from "../../crds/labels.ts";
import {
  type AgentRig,
  agentRig,
  ask,
  bindPod,
  containersOf,
  is,
  podOf,
  untilReady,
} from "../../test/kit/agent-rig.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { freePort } from "../../test/kit/free-port.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "../engine/dockerode.ts";
import type { OperationFault } from "../simulated/faults.ts";
import type { SimulatedEngine } from "../simulated/simulated-engine.ts";

let simulated: SimulatedEngine;
let rig: AgentRig;
let old: Pod;
let fresh: Pod;

/** A pod that runs, and its successor that is prepared. */
beforeEach(async () => {
  simulated = await simulatedEngine();
  rig = await agentRig([simulated.url], {
    pulseMs: 200,
    open: ({ url }) => openEngine(url, { deadlines: { changeMs: 500 } }),
  });
  rig.start();
  const node = await rig.node();
  const spec = { terminationGracePeriodSeconds: 1 };
  await bindPod(rig.api, "v1", { image: testImages.web, node, spec });
  old = await untilReady(rig.api, "v1");
  const next = { image: testImages.web2, node, spec, desired: "Prepared", replaces: "v1" } as const;
  fresh = await bindPod(rig.api, "v2", next);
  await eventually("v2 is prepared", async () =>
    is(await podOf(rig.api, "v2"), podCondition.prepared),
  );
});
afterEach(async () => {
  simulated.thaw();
  await rig.close();
  await simulated[Symbol.asyncDispose]();
});

const phaseOf = async (pod: Pod): Promise<string | undefined> =>
  (await containersOf(rig.engine, pod))[0]?.phase;

/** Verbs that make, change or fetch anything, with `old` and `new` for the two containers. */
async function changesFrom(from: number): Promise<readonly string[]> {
  const [before] = await containersOf(rig.engine, old);
  const [after] = await containersOf(rig.engine, fresh);
  return simulated.requests
    .slice(from)
    .filter((one) => !one.startsWith("GET"))
    .map((one) => one.replace(before?.id ?? "-", "old").replace(after?.id ?? "-", "new"));
}

test("a hand-over is stop and start, and the way back is, too", async () => {
  const from = simulated.requests.length;
  await ask(rig.api, "v2", "Running");
  await untilReady(rig.api, "v2");
  expect(await changesFrom(from)).toEqual([
    "POST /containers/old/stop",
    "POST /containers/new/start",
  ]);
  const back = simulated.requests.length;
  await ask(rig.api, "v2", "Stopped");
  await untilReady(rig.api, "v1");
  const changes = await changesFrom(back);
  expect([...new Set(changes)].toSorted()).toEqual([
    "POST /containers/new/stop",
    "POST /containers/old/start",
  ]);
  expect(changes.at(-1)).toBe("POST /containers/old/start");
});

test("between stop and start the successor asks neither the API nor the engine for more", async () => {
  const told: number[] = [];
  rig.api.before(({ verb, key }) => {
    if (verb === "patch" && key?.name === "v2") told.push(simulated.requests.length);
  });
  await ask(rig.api, "v2", "Running");
  told.length = 0; // that was ourselves
  await untilReady(rig.api, "v2");
  const [before] = await containersOf(rig.engine, old);
  const stop = simulated.requests.findIndex((one) => one.endsWith("/stop"));
  const start = simulated.requests.findLastIndex((one) => one.endsWith("/start"));
  expect(start).toBeGreaterThan(stop);
  // The old pod looks at its own end meanwhile.
  const between = simulated.requests
    .slice(stop + 1, start)
    .filter((one) => one !== "GET /_ping" && one !== `GET /containers/${before?.id}/json`);
  expect(between).toEqual([]);
  expect(told.filter((at) => at > stop && at <= start)).toEqual([]);
});

const on = (pod: Pod) => ({ [containerLabel.podUid]: pod.metadata.uid });
type Cut = {
  readonly operation: "stop" | "start";
  readonly when: "before" | "after";
  readonly of: "v1" | "v2";
};

const cuts: readonly Cut[] = [
  { operation: "stop", when: "before", of: "v1" },
  { operation: "stop", when: "after", of: "v1" },
  { operation: "start", when: "before", of: "v2" },
  { operation: "start", when: "after", of: "v2" },
];

/** Asks for the hand-over, in which that goes wrong. */
async function cutShort({ of, ...cut }: Cut, how: OperationFault["how"]): Promise<void> {
  const fault = simulated.fail({ ...cut, labels: on(of === "v1" ? old : fresh), how });
  await ask(rig.api, "v2", "Running");
  await fault.hit;
}

async function untilHandedOver(): Promise<void> {
  await untilReady(rig.api, "v2");
  await eventually("v1 says it is stopped", async () => {
    const pod = await podOf(rig.api, "v1");
    return pod?.status?.containerStatuses?.[0]?.state?.waiting?.reason === podReason.stopped;
  });
  expect([await phaseOf(old), await phaseOf(fresh)]).toEqual(["exited", "running"]);
  const restarts = [await podOf(rig.api, "v1"), await podOf(rig.api, "v2")].map(
    (pod) => pod?.status?.containerStatuses?.[0]?.restartCount,
  );
  expect(restarts).toEqual([0, 0]);
}

test.each(cuts)("an agent that dies $when $operation of $of is outlived", async (cut) => {
  const from = simulated.requests.length;
  await cutShort(cut, "hang");
  await rig.stop();
  rig.start();
  await untilHandedOver();
  const made = (await changesFrom(from)).filter((one) => /create|DELETE|images/.test(one));
  expect(made).toEqual([]);
});

test.each(cuts)("an engine that dies $when $operation of $of is outlived", async (cut) => {
  await cutShort(cut, "killEngine");
  await simulated.start();
  await untilHandedOver();
});

test.each(cuts)("a host that dies $when $operation of $of is outlived", async (cut) => {
  await cutShort(cut, "killHost");
  await simulated.start();
  await untilHandedOver();
});

test("a parked container stays parked when its host comes back", async () => {
  await ask(rig.api, "v2", "Running");
  await untilHandedOver();
  await simulated.crash();
  await simulated.start();
  const status = await eventually("v2 runs again", async () => {
    const [now] = (await podOf(rig.api, "v2"))?.status?.containerStatuses ?? [];
    return now?.state?.running !== undefined && now.lastState?.terminated !== undefined
      ? now
      : undefined;
  });
  expect(status.lastState?.terminated).toMatchObject({ exitCode: 255, reason: "HostRestarted" });
  await untilHandedOver();
});

test("a predecessor that does not stop is named, and its successor waits", async () => {
  const fault = simulated.fail({ operation: "stop", labels: on(old), how: "hang", times: 9 });
  await ask(rig.api, "v2", "Running");
  const waiting = await eventually("v2 says why it waits", async () => {
    const [now] = (await podOf(rig.api, "v2"))?.status?.containerStatuses ?? [];
    return now?.state?.waiting?.reason === podReason.runError ? now.state.waiting : undefined;
  });
  expect(waiting.message).toMatch(
    /^Cannot stop container [0-9a-f]+: .*did not finish within 1\.5 s$/,
  );
  expect([await phaseOf(old), await phaseOf(fresh)]).toEqual(["running", "created"]);
  fault.withdraw();
  fault.release();
});

test("a host port that a foreign container took after the check stops nobody", async () => {
  const node = await rig.node();
  const port = await freePort();
  const container = { ports: [{ containerPort: 80, hostPort: port, hostIP: "127.0.0.1" }] };
  const next = { image: testImages.web2, node, container, desired: "Prepared" } as const;
  await bindPod(rig.api, "v3", { ...next, replaces: "v1" });
  await eventually("v3 is prepared", async () =>
    is(await podOf(rig.api, "v3"), podCondition.prepared),
  );
  const foreign = await rig.engine.containers.create("by-hand", {
    Image: testImages.web,
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: String(port) }] } },
  });
  await rig.engine.containers.start(foreign);
  const before = await rig.engine.containers.inspect(foreign);
  await ask(rig.api, "v3", "Running");
  const waiting = await eventually("v3 names who is in its way", async () => {
    const [now] = (await podOf(rig.api, "v3"))?.status?.containerStatuses ?? [];
    return now?.state?.waiting?.reason === podReason.portConflict ? now.state.waiting : undefined;
  });
  expect(waiting.message).toContain("by-hand");
  expect(await phaseOf(old)).toBe("running");
  expect(is(await podOf(rig.api, "v1"), "Ready")).toBe(true);
  expect(await rig.engine.containers.inspect(foreign)).toEqual(before);
  await rig.engine.containers.remove(foreign, { force: true });
  await untilReady(rig.api, "v3");
  await eventually("v1 has stopped", async () => (await phaseOf(old)) === "exited");
});
