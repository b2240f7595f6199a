import { expect, test } from "vitest";
import type { Application, Revision, RevisionSpec, RevisionStatus } from "../crds/types.gen.ts";
import { historyRows } from "./history.ts";

const nowMs = Date.parse("2026-11-21T12:00:00Z");

function revision(
  number: number,
  spec: Partial<RevisionSpec> = {},
  status: RevisionStatus = {},
): Revision {
  const object = {
    metadata: { name: `web-${number}`, creationTimestamp: "2026-11-21T11:00:00Z" },
    spec: {
      number,
      template: { spec: { containers: [{ name: "web", image: `web:v${number}` }] } },
      ...spec,
    },
    status,
  };
  return object as unknown as Revision; // the parts that a history reads
}

const app = (currentRevision: string, targetRevision: string): Application =>
  ({ status: { currentRevision, targetRevision } }) as unknown as Application;

const restarted = (image: string, at: string): Partial<RevisionSpec> => ({
  template: {
    metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": at } },
    spec: { containers: [{ name: "web", image }] },
  } as unknown as RevisionSpec["template"],
});

test("historyRows() tells who, when, why and how it ended, newest first", () => {
  const all = [
    revision(
      1,
      { createdBy: "ann", changeCause: "first" },
      {
        phase: "Superseded",
        outcome: "Completed",
        reason: "Completed",
        startedAt: "2026-11-21T11:00:00Z",
        completedAt: "2026-11-21T11:01:30Z",
      },
    ),
    revision(
      2,
      {},
      { phase: "Failed", outcome: "Failed", reason: "ContainerFailed", message: "exit code 1" },
    ),
  ];
  expect(historyRows(app("web-1", "web-2"), all, nowMs)).toEqual([
    {
      number: "2>",
      name: "web-2",
      result: "Failed",
      images: "web:v2",
      when: "60m",
      duration: "<none>",
      by: "<none>",
      cause: "<none>",
      reason: "ContainerFailed",
      message: "exit code 1",
    },
    {
      number: "1*",
      name: "web-1",
      result: "Superseded",
      images: "web:v1",
      when: "60m",
      duration: "90s",
      by: "ann",
      cause: "first",
      reason: "Completed",
      message: "",
    },
  ]);
});

test.each<[why: string, all: readonly Revision[], cause: string]>([
  ["an undo", [revision(3, { rollbackTo: 1 })], "back to 1"],
  [
    "an undo with the words of then",
    [revision(3, { rollbackTo: 1, changeCause: "a" })],
    "back to 1: a",
  ],
  [
    "a restart",
    [revision(1), revision(2, { ...restarted("web:v1", "t1"), changeCause: "old" })],
    "restart",
  ],
  [
    "a release after a restart",
    [
      revision(1, restarted("web:v1", "t1")),
      revision(2, { ...restarted("web:v2", "t1"), changeCause: "new" }),
    ],
    "new",
  ],
])("historyRows() names the cause of %s", (_why, all, cause) => {
  expect(historyRows(app("", ""), all, nowMs)[0]?.cause).toBe(cause);
});

test("historyRows() counts the time of a rollout that goes on, and names an abandoned one", () => {
  const going = revision(2, {}, { phase: "RollingOut", startedAt: "2026-11-21T11:59:30Z" });
  const left = revision(1, {}, { phase: "Failed", outcome: "Abandoned" });
  const [first, second] = historyRows(app("", "web-2"), [left, going], nowMs);
  expect(first).toMatchObject({ duration: "30s", result: "RollingOut" });
  expect(second).toMatchObject({ result: "Abandoned" });
});
