import { expect, test } from "vitest";
import { ago, sightedApp, sightedPod, sightedPods, sightMs } from "../../test/kit/rollout-sight.ts";
import { newsOf } from "./news.ts";
import { rolloutView } from "./rollout-view.ts";

test("newsOf() begins with where the rollout is", () => {
  const view = rolloutView(sightedApp(), sightedPods(), sightMs);
  expect(newsOf(undefined, view)).toEqual([
    "web-1 to web-2: 6 slots in 3 batches",
    "Rolling, batch 2 of 3",
    "slots 0, 1 run web-2, 2 of 6",
    "slot 3 on host-3: container web ended with exit code 1, restarted 2 times",
    "  | reading /etc/web.conf",
    "  | cannot open configuration",
  ]);
});

test("newsOf() says nothing twice", () => {
  const view = rolloutView(sightedApp(), sightedPods(), sightMs);
  expect(newsOf(view, rolloutView(sightedApp(), sightedPods(), sightMs, view))).toEqual([]);
});

test("newsOf() says nothing of the rollout before the change", () => {
  const app = sightedApp({ status: { observedGeneration: 1 } });
  expect(newsOf(undefined, rolloutView(app, sightedPods(), sightMs))).toEqual([]);
});

test("newsOf() tells a slot that got good, and the next batch", () => {
  const before = rolloutView(sightedApp(), sightedPods(), sightMs);
  const pods = [...sightedPods().slice(0, 3), sightedPod("web-2", "3", { readyFor: 9 })];
  const after = rolloutView(sightedApp({ rollout: { batch: 3 } }), pods, sightMs + 5000, before);
  expect(newsOf(before, after)).toEqual(["Rolling, batch 3 of 3", "slots 2, 3 run web-2, 4 of 6"]);
});

test("newsOf() counts slots beyond the first eight", () => {
  const app = sightedApp({ spec: { replicas: 40 }, rollout: { batches: 1, steps: [] } });
  const pods = Array.from({ length: 40 }, (_, slot) =>
    sightedPod("web-2", String(slot), { readyFor: 60 }),
  );
  expect(newsOf(undefined, rolloutView(app, pods, sightMs))).toContain(
    "slots 0, 1, 2, 3, 4, 5, 6, 7 and 32 more run web-2, 40 of 40",
  );
});

test("newsOf() tells words that come after the end, once", () => {
  const ended = (message?: string) =>
    sightedPod("web-2", "3", {
      ended: { exitCode: 137, ...(message === undefined ? {} : { message }) },
    });
  const before = rolloutView(sightedApp(), [ended()], sightMs);
  expect(newsOf(undefined, before).at(-1)).toBe(
    "slot 3 on host-3: container web ended with exit code 137",
  );
  const after = rolloutView(sightedApp(), [ended("out of room")], sightMs, before);
  expect(newsOf(before, after)).toEqual([
    "slot 3 on host-3: container web ended with exit code 137",
    "  | out of room",
  ]);
  // It is restarted, and the new run has said nothing yet.
  const again = rolloutView(sightedApp(), [ended()], sightMs, after);
  expect(newsOf(after, again)).toEqual([]);
});

test("newsOf() tells a slot that failed without a word of a container", () => {
  const waiting = { reason: "ErrImagePull", message: "manifest unknown" };
  const pod = sightedPod("web-2", "1", { desired: "Prepared", prepared: false, waiting });
  const app = sightedApp({ rollout: { phase: "Preparing", batch: 0, failedSlots: ["1"] } });
  expect(newsOf(undefined, rolloutView(app, [pod], sightMs))).toContain(
    "slot 1 on host-1 failed: ErrImagePull: manifest unknown",
  );
});

test.each<[why: string, reason: string, since: number, isNews: boolean]>([
  ["what only a person can end, at once", "WaitingForApproval", 0, true],
  ["what belongs to every rollout, not at first", "WaitingForReady", 3, false],
  ["the same when it lasts", "WaitingForReady", 15, true],
])("newsOf() tells a wait: %s", (_why, reason, since, isNews) => {
  const wait = { owner: "user", reason, message: "it\nwaits", since: ago(since) };
  const app = sightedApp({ rollout: { waits: [wait] } });
  const view = rolloutView(app, [], sightMs);
  const line = `waiting for user since ${since}s, ${reason}: it waits`;
  expect(newsOf(undefined, view).some((one) => one.startsWith(line))).toBe(isNews);
  expect(newsOf(view, rolloutView(app, [], sightMs + 1000, view))).toEqual([]);
});

test("newsOf() tells a wait once it has lasted", () => {
  const wait = { owner: "node/a", reason: "WaitingForReady", message: "m", since: ago(14) };
  const app = sightedApp({ rollout: { waits: [wait] } });
  const before = rolloutView(app, [], sightMs);
  expect(newsOf(before, rolloutView(app, [], sightMs + 2000, before))).toEqual([
    "waiting for node/a since 16s, WaitingForReady: m",
  ]);
});
