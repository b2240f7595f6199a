import { expect, test } from "vitest";
import {
  buildFact,
  createdFact,
  endedFact,
  endedHistory,
  noonMs,
} from "../../test/kit/pod-world.ts";
import { advance, type Circumstances, type History, historyFrom, noHistory } from "./history.ts";

const at: Circumstances = { desired: "Running", nowMs: noonMs };
const startedAtMs = noonMs - 60_000;
const running: History = { ...noHistory, id: "id-app", startedAtMs };

test("advance() counts a first run as no restart", () => {
  expect(advance(noHistory, createdFact(), at)).toEqual(noHistory);
  expect(advance(noHistory, buildFact(), at)).toEqual({ ...running, last: undefined });
});

test("advance() sees the end of a run once", () => {
  const first = advance(running, endedFact({ exitCode: 3 }), at);
  expect(first.ending).toMatchObject({ exitCode: 3, reason: "Error", startedAtMs });
  expect(first.endedSeenAtMs).toBe(noonMs);
  expect(advance(first, endedFact({ exitCode: 3 }), { ...at, nowMs: noonMs + 5_000 })).toEqual(
    first,
  );
});

test.each([
  ["Completed", { exitCode: 0 }],
  ["Error", { exitCode: 137 }],
  ["OOMKilled", { exitCode: 137, oomKilled: true }],
])("advance() calls an end %s", (reason, parts) => {
  expect(advance(running, endedFact(parts), at).ending?.reason).toBe(reason);
});

test("advance() counts a run after an end as a restart and keeps how the last one ended", () => {
  const next = advance(endedHistory(), buildFact({ startedAtMs: noonMs }), at);
  expect(next).toMatchObject({ restarts: 1, streak: 1, startedAtMs: noonMs, parked: false });
  expect(next.last?.exitCode).toBe(1);
  expect(next.ending).toBeUndefined();
});

test("advance() counts a run that began within the second of the one before", () => {
  const wholeSecond = endedHistory({ startedAtMs: noonMs });
  const next = advance(wholeSecond, buildFact({ startedAtMs: noonMs + 400 }), at);
  expect(next).toMatchObject({ restarts: 1, startedAtMs: noonMs + 400 });
  expect(next.ending).toBeUndefined();
});

test("advance() counts a run that began while nobody looked", () => {
  const next = advance(running, buildFact({ startedAtMs: noonMs }), at);
  expect(next).toMatchObject({ restarts: 1, last: { reason: "ContainerStatusUnknown" } });
});

test("advance() begins the back-off anew after a long run", () => {
  const ending = { ...endedHistory().ending, startedAtMs: noonMs - 900_000 } as never;
  const next = advance(endedHistory({ streak: 5, ending }), buildFact({ startedAtMs: noonMs }), at);
  expect(next).toMatchObject({ restarts: 1, streak: 1 });
});

test("advance() does not count the run after a stop that was asked for", () => {
  const parked = advance(running, endedFact({ exitCode: 143 }), { ...at, desired: "Stopped" });
  expect(parked.parked).toBe(true);
  const back = advance(parked, buildFact({ startedAtMs: noonMs }), at);
  expect(back).toMatchObject({ restarts: 0, streak: 0, parked: false });
});

test.each(["Stopped", "Prepared"] as const)(
  "advance() does not count the run after a stop for %s that is seen when it is to run again",
  (desired) => {
    const upStill = advance(running, buildFact({ startedAtMs }), {
      ...at,
      desired,
    });
    const down = advance(upStill, endedFact({ exitCode: 0 }), at);
    const back = advance(down, buildFact({ startedAtMs: noonMs }), at);
    expect(back).toMatchObject({ restarts: 0, streak: 0, parked: false });
    // Whoever is wanted again before it was stopped fails like any other.
    const spared = advance(upStill, buildFact({ startedAtMs }), at);
    expect(advance(spared, endedFact({ exitCode: 1 }), at).parked).toBe(false);
  },
);

test("advance() takes a container that vanished for ended, with the code that was announced", () => {
  const next = advance(running, undefined, { ...at, exitCode: 9 });
  expect(next).toMatchObject({ vanished: true, ending: { exitCode: 9, reason: "Error" } });
  expect(advance(running, undefined, at).ending).toMatchObject({ exitCode: 137 });
});

test("historyFrom() continues what a status tells, to the second", () => {
  const status = {
    name: "app",
    image: "web:1",
    imageID: "",
    containerID: "docker://id-app",
    ready: true,
    restartCount: 2,
    state: { running: { startedAt: "2026-11-21T11:59:00Z" } },
    lastState: { terminated: { exitCode: 1, containerID: "docker://id-app" } },
  };
  const known = historyFrom(status);
  expect(known).toMatchObject({ id: "id-app", restarts: 2, last: { exitCode: 1 } });
  expect(advance(known, buildFact({ startedAtMs: noonMs - 60_000 + 345 }), at)).toMatchObject({
    restarts: 2,
    startedAtMs: noonMs - 60_000 + 345,
  });
  expect(advance(known, buildFact({ startedAtMs: noonMs - 58_000 }), at).restarts).toBe(3);
});

test("historyFrom() knows a stopped container and its latest end", () => {
  const status = {
    name: "app",
    image: "web:1",
    imageID: "",
    ready: false,
    restartCount: 1,
    state: { waiting: { reason: "Stopped" } },
    lastState: {
      terminated: {
        exitCode: 143,
        containerID: "docker://id-app",
        startedAt: "2026-11-21T11:59:00Z",
        finishedAt: "2026-11-21T11:59:50Z",
      },
    },
  };
  const known = historyFrom(status);
  expect(known).toMatchObject({ id: "id-app", parked: true, ending: { exitCode: 143 } });
  const back = advance(known, buildFact({ startedAtMs: noonMs }), at);
  expect(back).toMatchObject({ restarts: 1, streak: 0 });
});
