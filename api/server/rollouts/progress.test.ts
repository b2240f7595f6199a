import { expect, test } from "vitest";
import type { Application } from "../../../crds/types.gen.ts";
import type { Pod } from "../../machinery/resources.ts";
import { progressTeller } from "./progress.ts";

const nowMs = (): number => Date.UTC(2026, 0, 1);

const application = (rollout: object): Application =>
  ({
    metadata: { name: "web" },
    status: {
      rollout: {
        phase: "Preparing",
        revision: "web-2",
        fromRevision: "web-1",
        startedAt: "2026-01-01T00:00:00Z",
        instances: ["node-a", "node-b"],
        steps: [{ name: "prepare", action: "Prepare" }],
        ...rollout,
      },
    },
  }) as unknown as Application;

const pod = (status: object, more: { revision?: string; desired?: string } = {}): Pod =>
  ({
    metadata: {
      name: "web-2-1",
      labels: {
        "lighthouse.dev/revision": more.revision ?? "web-2",
        "lighthouse.dev/slot": "1",
      },
      annotations: { "lighthouse.dev/desired-state": more.desired ?? "Prepared" },
    },
    spec: { nodeName: "node-b", containers: [] },
    status: { containerStatuses: [{ name: "web", ...status }] },
  }) as unknown as Pod;

const pulling = (message: string): Pod =>
  pod({ state: { waiting: { reason: "ContainerCreating", message } } });

const ended = {
  state: {
    terminated: {
      exitCode: 3,
      reason: "Error",
      message: "no such table\n",
      finishedAt: "2026-01-01T00:00:09Z",
    },
  },
};

test("a pull is told as it goes on, each state of it once", () => {
  const teller = progressTeller(nowMs);
  const [line, ...more] = teller.see(application({}), [pulling("Pulling 34 % (1 of 3 MiB)")]);
  expect(more).toEqual([]);
  expect(line).toEqual({
    Status: "Progress",
    Method: "Pull",
    Endpoint: "prepare",
    Message: "web: Pulling 34 % (1 of 3 MiB)",
    Code: 0,
    Instance: "node-b",
    Item: 1,
    Total: 0,
    Operation: "web-2@2026-01-01T00:00:00Z",
    Time: "2026-01-01T00:00:00Z",
  });
  expect(teller.see(application({}), [pulling("Pulling 34 % (1 of 3 MiB)")])).toEqual([]);
  expect(teller.see(application({}), [pulling("Pulling 66 % (2 of 3 MiB)")])).toHaveLength(1);
});

test("a container that ended is told with its exit code and its last words", () => {
  const lines = progressTeller(nowMs).see(application({}), [pod(ended, { desired: "Running" })]);
  expect(lines).toMatchObject([
    {
      Method: "Exit",
      Code: 3,
      Message: "web ended with exit code 3: no such table",
      Time: "2026-01-01T00:00:09Z",
    },
  ]);
});

test.each([
  ["we stopped", { desired: "Stopped" }],
  ["another rollout made", { revision: "web-0" }],
])("the end of a container that %s is no news", (_name, more) => {
  expect(progressTeller(nowMs).see(application({}), [pod(ended, more)])).toEqual([]);
});

test("a wait is told with its owner, since when, and its slot", () => {
  const since = "2026-01-01T00:00:05Z";
  const wait = {
    owner: "scheduler",
    reason: "Unschedulable",
    message: "no room",
    slot: "0",
    since,
  };
  const everybody = { owner: "user", reason: "WaitingForApproval", since };
  const lines = progressTeller(nowMs).see(application({ waits: [wait, everybody] }), []);
  expect(lines).toMatchObject([
    { Method: "Wait", Message: "scheduler: no room", Item: 0, Instance: "node-a", Time: since },
    { Method: "Wait", Message: "user: WaitingForApproval", Item: -1, Instance: "" },
  ]);
});

test("without a rollout there is no progress", () => {
  expect(progressTeller(nowMs).see(undefined, [])).toEqual([]);
});
