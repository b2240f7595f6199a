import { expect, test } from "vitest";
import { events, nodes, pods } from "../../api/machinery/resources.ts";
import { annotation } from "../../crds/labels.ts";
import { agentRig, bindPod, containersOf, untilReady } from "../../test/kit/agent-rig.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { testImages } from "../../test/kit/images.ts";
import { manualClock } from "../../test/kit/clock.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { holdLookMs, type HoldOptions, holdOf } from "./hold.ts";

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

type Answer = object | undefined;

/** A hold whose Node is what `answer` says. */
function heldBy(answer: () => Answer) {
  const counts = { asked: 0, told: 0 };
  const clock = manualClock();
  const get = async (): Promise<unknown> => {
    counts.asked += 1;
    return answer();
  };
  const recorder = { event: () => void (counts.told += 1) };
  const options = { client: { get }, recorder, clock, nodeName: "host-1" };
  const hold = holdOf(options as unknown as HoldOptions);
  const { signal } = new AbortController();
  const ask = (uid: string): Promise<boolean> =>
    hold.keeps({ uid, key: { namespace: "shop", name: "web" } }, 1, signal);
  return { ask, clock, counts };
}

const held = { metadata: { annotations: { [annotation.holdUnknown]: "2026-11-21T20:00:00Z" } } };

test("a Node that the API does not know either is held: it is younger than the backup", async () => {
  const { ask, counts } = heldBy(() => undefined);
  expect(await ask("a")).toBe(true);
  expect(counts.told).toBe(0);
});

test("hundreds of held Pods do not ask for each, and are let go soon after the release", async () => {
  let answer: Answer = held;
  const { ask, clock, counts } = heldBy(() => answer);
  const uids = Array.from({ length: 100 }, (_, i) => `uid-${i}`);
  const askAll = async (): Promise<readonly boolean[]> => {
    const answers: boolean[] = [];
    for (const uid of uids) answers.push(await ask(uid));
    return answers;
  };
  await askAll();
  const before = counts.asked;
  expect(new Set(await askAll())).toEqual(new Set([true]));
  expect(counts).toEqual({ asked: before, told: 100 });
  answer = { metadata: {} };
  await clock.advance(holdLookMs);
  expect(new Set(await askAll())).toEqual(new Set([false]));
});
