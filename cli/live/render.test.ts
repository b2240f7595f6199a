import fc from "fast-check";
import { expect, test } from "vitest";
import { ago, sightedApp, sightedPod, sightedPods, sightMs } from "../../test/kit/rollout-sight.ts";
import type { RolloutWait } from "../../crds/types.gen.ts";
import { widthOf } from "./plain-text.ts";
import { renderRollout, type Size } from "./render.ts";
import { rolloutView } from "./rollout-view.ts";

const wide: Size = { columns: 100, rows: 40 };

type View = ReturnType<typeof rolloutView>;

function screen(view: View, size: Size = wide, note?: string): string {
  return renderRollout(view, size, note)
    .map((line) =>
      line
        .map(({ text }) => text)
        .join("")
        .trimEnd(),
    )
    .join("\n");
}

const waits: readonly RolloutWait[] = [
  {
    owner: "node/host-3",
    reason: "WaitingForReady",
    message: "slot 3: pod web-2-3 on host-3 is not ready",
    slot: "3",
    since: ago(9),
  },
];

test("renderRollout() shows batches, slots, what a container said and what is waited for", () => {
  const view = rolloutView(sightedApp({ rollout: { waits } }), sightedPods(), sightMs);
  expect(screen(view)).toBe(
    `
application/web  web-1 → web-2  Rolling, batch 2 of 3  41s
  ██████████░░░░░░░░░░░░░░░░░░░░ 2/6 run web-2, 5/6 ready
  ● batch 1: 2 slots
    ◑ 2  host-2  ready, good in 3s
    ◐ 3  host-3  starting: CrashLoopBackOff: Waiting 10s to start container web
  ○ next: 2 prepared
  ✗ slot 3 on host-3: container web ended with exit code 1, restarted 2 times
    │ reading /etc/web.conf
    │ cannot open configuration
  waits 9s for node/host-3 WaitingForReady: slot 3: pod web-2-3 on host-3 is not ready
`.trim(),
  );
});

test("renderRollout() shows pulls as bars and where no Node was found", () => {
  const app = sightedApp({
    spec: { replicas: 3 },
    rollout: { phase: "Preparing", batch: 0, steps: [] },
  });
  const preparing = { desired: "Prepared", prepared: false } as const;
  const pods = [
    sightedPod("web-2", "0", { desired: "Prepared" }),
    sightedPod("web-2", "1", {
      ...preparing,
      waiting: { reason: "ContainerCreating", message: "Pulling 43 % (15.1 of 35.0 MiB)" },
    }),
    sightedPod("web-2", "2", {
      ...preparing,
      waiting: { reason: "ErrImagePull", message: "the registry does not answer" },
    }),
  ];
  expect(screen(rolloutView(app, pods, sightMs))).toBe(
    `
application/web  web-1 → web-2  Preparing  41s
  ██████████░░░░░░░░░░░░░░░░░░░░ 1/3 prepared, 5/6 ready
    ◌ 0  host-0  prepared
    ↓ 1  host-1  █████░░░░░░░  Pulling 43 % (15.1 of 35.0 MiB)
    ↓ 2  host-2  preparing: ErrImagePull: the registry does not answer
`.trim(),
  );
});

test("renderRollout() counts down the monitor window, and keeps a failure in view on the way back", () => {
  const verifying = sightedApp({
    spec: { replicas: 1 },
    rollout: { phase: "Verifying", batch: 1, batches: 1, phaseStartedAt: ago(10) },
  });
  const good = [sightedPod("web-2", "0", { readyFor: 20 })];
  expect(screen(rolloutView(verifying, good, sightMs))).toContain("5/6 ready, goes on in 20s");
  const during = rolloutView(sightedApp(), sightedPods(), sightMs);
  const back = sightedApp({ rollout: { phase: "RollingBack", failedSlots: ["3"] } });
  const gone = [sightedPod("web-1", "3", { readyFor: 1 })];
  const text = screen(rolloutView(back, gone, sightMs, during));
  expect(text).toContain("application/web  web-2 → web-1  RollingBack, batch 2 of 3");
  expect(text).toContain("● 3  host-3  good");
  expect(text).toContain("✗ slot 3 on host-3: container web ended with exit code 1");
  expect(text).toContain("│ cannot open configuration");
});

test("renderRollout() shows nothing of the rollout before until the change is seen", () => {
  const app = sightedApp({ status: { observedGeneration: 1, replicas: 6, readyReplicas: 6 } });
  const view = rolloutView(app, sightedPods(), sightMs);
  expect(screen(view)).toBe(
    "application/web  Pending\n  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0/0 run nothing yet, 6/6 ready",
  );
});

test("renderRollout() names the group and the note of a server that is away", () => {
  const app = sightedApp({
    annotations: { "lighthouse.dev/rollout-group": "shop" },
    rollout: { group: { name: "shop", stage: "Prepared", members: ["db", "queue", "web"] } },
  });
  const text = screen(rolloutView(app, [], sightMs), wide, "the server does not answer");
  expect(text).toContain("\n  group shop, Prepared, with db and queue\n");
  expect(text.split("\n").at(-1)).toBe("  the server does not answer");
});

test("renderRollout() folds more slots than rows into counts, the urgent ones first", () => {
  const app = sightedApp({
    spec: { replicas: 200 },
    rollout: { phase: "Rolling", batch: 1, batches: 1, steps: [], failedSlots: ["77"] },
  });
  const pods = Array.from({ length: 200 }, (_, slot) =>
    sightedPod("web-2", String(slot), slot % 2 === 0 ? { readyFor: 60 } : { running: true }),
  );
  expect(screen(rolloutView(app, pods, sightMs), { columns: 60, rows: 8 })).toBe(
    `
application/web  web-1 → web-2  Rolling  41s
  ██████████████░░░░░░░░░░░░░ 100/200 run web-2, 5/6 ready
    ◐ 1   host-1  starting: runs, not ready yet
    ◐ 3   host-3  starting: runs, not ready yet
    ◐ 5   host-5  starting: runs, not ready yet
    ✗ 77  host-77  failed: runs, not ready yet
    … and 196 slots: 96 starting, 100 good
`.trim(),
  );
});

test("renderRollout() fits every terminal, whatever a container said", () => {
  const nasty = ["a", " ", "\n", "\r", "\t", "\u0000", "\u001B[2J", "\u202E", "\u0301", "日", "🚀"];
  const words = fc.string({ unit: fc.constantFrom(...nasty), maxLength: 60 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 0, max: 40 }),
      words,
      (columns, rows, count, said) => {
        const pods = Array.from({ length: count }, (_, slot) =>
          sightedPod("web-2", String(slot), {
            waiting: { reason: "CrashLoopBackOff", message: said },
            ended: { exitCode: 1, message: said },
            restarts: 1,
          }),
        );
        const many = Array.from({ length: 12 }, (_, index) => ({
          owner: `node/${index}`,
          reason: "X",
          message: said,
          since: ago(index),
        }));
        const app = sightedApp({ spec: { replicas: count }, rollout: { waits: many } });
        const view = rolloutView(app, pods, sightMs);
        const text = renderRollout(view, { columns, rows }, "note").map((line) =>
          line.map((span) => span.text).join(""),
        );
        const tooWide = text.filter((line) => widthOf(line) > columns);
        const unsafe = text.filter((line) => /\p{Cc}/u.test(line));
        expect([tooWide, unsafe]).toEqual([[], []]);
        expect(text.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
      },
    ),
    { numRuns: 50 },
  );
});
