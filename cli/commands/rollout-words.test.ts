import { expect, test } from "vitest";
import type { Application, Revision } from "../../crds/types.gen.ts";
import { diffRange } from "./rollout-history.ts";
import { undoTarget } from "./rollout-undo.ts";

test.each<[given: string | true | undefined, args: readonly string[], want: unknown]>([
  [undefined, ["web"], { range: undefined, args: ["web"] }],
  [true, ["web"], { range: {}, args: ["web"] }],
  ["web", [], { range: {}, args: ["web"] }],
  ["3", ["web"], { range: { to: 3 }, args: ["web"] }],
  ["1..3", ["web"], { range: { from: 1, to: 3 }, args: ["web"] }],
  ["1", ["web", "3"], { range: { from: 1, to: 3 }, args: ["web"] }],
  ["1", ["3", "app/web"], { range: { from: 1, to: 3 }, args: ["app/web"] }],
])("diffRange() of --diff %s %j", (given, args, want) => {
  expect(diffRange({ diff: given }, args)).toEqual(want);
});

test("diffRange() refuses three Revisions", () => {
  expect(() => diffRange({ diff: "1..2" }, ["web", "3"])).toThrow("at most two Revisions");
});

type Kept = { readonly good?: boolean; readonly rollbackTo?: number };

/** Revisions 1, 2, ... as they ended. */
function history(...all: readonly Kept[]): readonly Revision[] {
  return all.map(({ good = true, rollbackTo }, index) => {
    const number = index + 1;
    const object = {
      metadata: { name: `web-${number}` },
      spec: { number, ...(rollbackTo === undefined ? {} : { rollbackTo }) },
      status: { outcome: good ? "Completed" : "Failed" },
    };
    return object as unknown as Revision; // the parts that an undo reads
  });
}

const app = (current: number, target = current): Application =>
  ({
    metadata: { name: "web" },
    status: { currentRevision: `web-${current}`, targetRevision: `web-${target}` },
  }) as unknown as Application;

test.each<[why: string, app: Application, all: readonly Revision[], want: number]>([
  ["the one before", app(2), history({}, {}), 1],
  ["not one that failed", app(3), history({}, { good: false }, {}), 1],
  ["what runs, when the newest failed", app(2, 3), history({}, {}, { good: false }), 2],
  ["the one before what an undo brought back", app(4), history({}, {}, {}, { rollbackTo: 2 }), 1],
  [
    "the one before, through several undos",
    app(5),
    history({}, {}, {}, { rollbackTo: 3 }, { rollbackTo: 4 }),
    2,
  ],
])("undoTarget() is %s", (_why, app, all, want) => {
  expect(undoTarget(app, all, undefined).spec.number).toBe(want);
});

test("undoTarget() says what is kept when there is nothing before", () => {
  expect(() => undoTarget(app(2), history({}, { rollbackTo: 1 }), undefined)).toThrow(
    'Application "web" has no good Revision before the one that runs, kept are: 1, 2; name one with --to-revision',
  );
});
