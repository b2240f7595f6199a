import { expect, test } from "vitest";
import {
  buildFact,
  buildPod,
  buildSeen,
  createdFact,
  endedFact,
  endedHistory,
  noonMs,
} from "../../test/kit/pod-world.ts";
import { noHistory } from "./history.ts";
import { isPrepared, planPod, restartAtMs, type Seen, type Step, type Trouble } from "./plan.ts";
import { specHash } from "./spec-hash.ts";

function text(step: Step): string {
  switch (step.kind) {
    case "stop":
      return `stop ${step.targets.map(({ id }) => id).join("+")} ${step.graceSeconds}s`;
    case "remove":
      return `remove ${step.ids.join("+")}`;
    case "removeVolumes":
      return `removeVolumes ${step.names.join("+")}`;
    case "checkPorts":
    case "finalize":
      return step.kind;
    case "pull":
    case "create":
    case "start":
      return `${step.kind} ${step.container}`;
  }
}

const fresh: Partial<Seen> = { containers: [], histories: new Map() };
const ended: Partial<Seen> = {
  containers: [endedFact()],
  histories: new Map([["app", endedHistory()]]),
};
const pair = buildPod({
  spec: {
    containers: [
      { name: "app", image: "web:1" },
      { name: "side", image: "web:1" },
    ],
  },
});
const withInit = buildPod({
  spec: {
    initContainers: [
      { name: "one", image: "web:1" },
      { name: "two", image: "web:1" },
    ],
    containers: [{ name: "app", image: "web:1" }],
  },
});
const withSidecar = buildPod({
  spec: {
    initContainers: [{ name: "proxy", image: "web:1", restartPolicy: "Always" }],
    containers: [{ name: "app", image: "web:1" }],
  },
});
const wellEnded = endedHistory({
  ending: {
    containerId: "x",
    exitCode: 0,
    reason: "Completed",
    startedAtMs: noonMs - 60_000,
    finishedAtMs: noonMs - 10_000,
  },
});
const never = buildPod({ spec: { restartPolicy: "Never" } });
const onFailure = buildPod({ spec: { restartPolicy: "OnFailure" } });
const withPort = buildPod({
  spec: {
    containers: [{ name: "app", image: "web:1", ports: [{ containerPort: 80, hostPort: 8080 }] }],
  },
});
const old = buildPod({
  metadata: { name: "web-old", uid: "old" },
  spec: { terminationGracePeriodSeconds: 7 },
});
const rival = { pod: old, up: [buildFact({ id: "id-old" })] };
const trouble: Trouble = {
  reason: "ErrImagePull",
  message: "no",
  failures: 1,
  retryAtMs: noonMs + 4_000,
};
const side = (networkOf: string, startedAtMs = noonMs - 50_000) =>
  buildFact({ name: "side", networkOf, startedAtMs });

test.each<[string, Partial<Seen>, string, number?]>([
  ["does nothing when all is as asked for", {}, ""],
  ["makes a new pod run", fresh, "pull app,create app,start app"],
  ["starts what is created", { ...fresh, containers: [createdFact()] }, "start app"],
  ["prepares without starting", { ...fresh, desired: "Prepared" }, "pull app,create app"],
  ["stops what shall be stopped", { desired: "Stopped" }, "stop id-app 30s"],
  ["keeps what is stopped", { ...ended, desired: "Stopped" }, ""],
  ["restarts a first crash at once", ended, "start app"],
  [
    "waits before the second restart",
    { ...ended, histories: new Map([["app", endedHistory({ streak: 2 })]]) },
    "",
    10_000,
  ],
  [
    "restarts at once after a long run",
    {
      ...ended,
      histories: new Map([
        [
          "app",
          endedHistory({
            streak: 5,
            ending: {
              containerId: "id-app",
              exitCode: 1,
              reason: "Error",
              startedAtMs: noonMs - 700_000,
              finishedAtMs: noonMs - 1_000,
            },
          }),
        ],
      ]),
    },
    "start app",
  ],
  ["does not restart with policy Never", { ...ended, pod: never }, ""],
  ["restarts a failure with policy OnFailure", { ...ended, pod: onFailure }, "start app"],
  [
    "does not restart a success with policy OnFailure",
    {
      pod: onFailure,
      containers: [endedFact({ exitCode: 0 })],
      histories: new Map([
        ["app", endedHistory({ ending: { ...endedHistory().ending, exitCode: 0 } as never })],
      ]),
    },
    "",
  ],
  [
    "starts a parked container whatever the policy",
    {
      ...ended,
      pod: never,
      histories: new Map([["app", endedHistory({ parked: true, streak: 9 })]]),
    },
    "start app",
  ],
  [
    "makes a removed container anew at once",
    { containers: [], histories: new Map([["app", endedHistory({ vanished: true, streak: 4 })]]) },
    "pull app,create app,start app",
  ],
  [
    "does not make a removed container of a job anew",
    { pod: never, containers: [], histories: new Map([["app", endedHistory({ vanished: true })]]) },
    "",
  ],
  [
    "replaces a container of another image",
    { containers: [buildFact({ specHash: specHash({ name: "app", image: "web:0" }) })] },
    "stop id-app 30s,remove id-app,pull app,create app,start app",
  ],
  [
    "removes a twin and keeps the one that runs",
    { containers: [createdFact({ id: "id-twin" }), buildFact()] },
    "remove id-twin",
  ],
  [
    "stops and starts an unhealthy container in two turns",
    { unhealthy: new Set(["app"]) },
    "stop id-app 30s",
  ],
  ["waits for a failed pull", { ...fresh, troubles: new Map([["app", trouble]]) }, "", 4_000],
  [
    "creates the root before those that join its network",
    { ...fresh, pod: pair },
    "pull app,pull side,create app,create side,start app,start side",
  ],
  [
    "creates nothing that would join a missing network",
    { ...fresh, pod: pair, troubles: new Map([["app", trouble]]) },
    "pull side",
    4_000,
  ],
  [
    "remakes those that joined the network of a removed root",
    { pod: pair, containers: [side("id-app")], histories: new Map() },
    "stop id-side 30s,remove id-side,pull app,pull side,create app,create side,start app,start side",
  ],
  [
    "restarts those that share the network of a restarted root",
    { ...ended, pod: pair, containers: [endedFact(), side("id-app")] },
    "stop id-side 30s,start app,start side",
  ],
  [
    "restarts those that lost the network to a restart they missed",
    { pod: pair, containers: [buildFact(), side("id-app", noonMs - 90_000)] },
    "stop id-side 30s,start side",
  ],
  [
    "runs the first init container alone",
    { ...fresh, pod: withInit },
    "pull one,pull two,pull app,create one,create two,create app,start one",
  ],
  [
    "waits while an init container runs",
    {
      pod: withInit,
      containers: [buildFact({ name: "one" }), createdFact({ name: "two" }), createdFact()],
      histories: new Map([["one", { ...noHistory, startedAtMs: noonMs }]]),
    },
    "",
  ],
  [
    "starts the next init container once the one before ended well",
    {
      pod: withInit,
      containers: [
        endedFact({ name: "one", exitCode: 0 }),
        createdFact({ name: "two" }),
        createdFact(),
      ],
      histories: new Map([["one", wellEnded]]),
    },
    "start two",
  ],
  [
    "starts the mains once all init containers ended well, even if those are gone",
    {
      pod: withInit,
      containers: [createdFact()],
      histories: new Map([
        ["one", wellEnded],
        ["two", wellEnded],
      ]),
    },
    "start app",
  ],
  [
    "tries a failed init container again",
    {
      pod: withInit,
      containers: [endedFact({ name: "one" }), createdFact({ name: "two" }), createdFact()],
      histories: new Map([["one", endedHistory()]]),
    },
    "start one",
  ],
  [
    "does not try a failed init container again with policy Never",
    {
      pod: { ...withInit, spec: { ...withInit.spec, restartPolicy: "Never" } },
      containers: [endedFact({ name: "one" }), createdFact({ name: "two" }), createdFact()],
      histories: new Map([["one", endedHistory()]]),
    },
    "",
  ],
  [
    "starts a sidecar before what follows it, which joins its network",
    { ...fresh, pod: withSidecar },
    "pull proxy,pull app,create proxy,create app,start proxy",
  ],
  [
    "starts the mains once the sidecar runs",
    {
      pod: withSidecar,
      containers: [buildFact({ name: "proxy" }), createdFact({ networkOf: "id-proxy" })],
      histories: new Map([["proxy", { ...noHistory, startedAtMs: noonMs }]]),
    },
    "start app",
  ],
  [
    "restarts a sidecar that ended, whatever the policy of the pod",
    {
      pod: { ...withSidecar, spec: { ...withSidecar.spec, restartPolicy: "Never" } },
      containers: [
        endedFact({ name: "proxy", exitCode: 0 }),
        buildFact({ networkOf: "id-proxy", startedAtMs: noonMs - 30_000 }),
      ],
      histories: new Map([
        ["proxy", wellEnded],
        ["app", { ...noHistory, startedAtMs: noonMs - 30_000 }],
      ]),
    },
    "stop id-app 30s,start proxy,start app",
  ],
  [
    "waits to start a container whose start failed",
    { ...fresh, containers: [createdFact()], troubles: new Map([["app", trouble]]) },
    "",
    4_000,
  ],
  [
    "waits to check host ports that were taken",
    {
      ...fresh,
      pod: withPort,
      desired: "Prepared",
      containers: [createdFact()],
      troubles: new Map([["", trouble]]),
    },
    "",
    4_000,
  ],
  [
    "checks host ports before it says that it is prepared",
    { ...fresh, pod: withPort, desired: "Prepared", containers: [createdFact()] },
    "checkPorts",
  ],
  [
    "asks for host ports once",
    { ...fresh, pod: withPort, desired: "Prepared", containers: [createdFact()], portsFree: true },
    "",
  ],
  [
    "stops its rival only when it has everything itself, with the rival's grace",
    { ...fresh, rivals: [rival] },
    "pull app,create app,stop id-old 7s,start app",
  ],
  [
    "leaves its rival alone while it has to wait",
    { ...fresh, rivals: [rival], troubles: new Map([["app", trouble]]) },
    "",
    4_000,
  ],
  [
    "checks host ports before a rival is stopped",
    { ...fresh, pod: withPort, containers: [createdFact()], rivals: [rival] },
    "checkPorts,stop id-old 7s,start app",
  ],
  ["leaves a rival alone when it runs itself", { rivals: [rival] }, ""],
  ["does nothing while it lingers", { ...ended, lingers: true }, ""],
])("planPod() %s", (_why, over, want, waitMs) => {
  const plan = planPod(buildSeen(over), noonMs);
  expect(plan.steps.map(text).join(",")).toBe(want);
  expect(plan.requeueAfterMs).toBe(waitMs);
});

test("planPod() stops, removes and lets go of a pod that is deleted", () => {
  const metadata = { deletionTimestamp: "2026-11-21T12:00:30Z", deletionGracePeriodSeconds: 3 };
  const plan = planPod(
    buildSeen({ pod: buildPod({ metadata }), containers: [buildFact(), endedFact({ id: "x" })] }),
    noonMs,
  );
  expect(plan.steps.map(text)).toEqual(["stop id-app 3s", "remove id-app+x", "finalize"]);
});

test("planPod() removes the volumes that containers of a deleted pod shared", () => {
  const volumeMounts = [{ name: "tmp", mountPath: "/tmp" }];
  const spec = {
    volumes: [
      { name: "tmp", emptyDir: {} },
      { name: "data", persistentVolumeClaim: { claimName: "kept" } },
    ],
    containers: [
      { name: "app", volumeMounts },
      { name: "side", volumeMounts },
    ],
  };
  const metadata = { deletionTimestamp: "2026-11-21T12:00:30Z", uid: "u1" };
  const plan = planPod(buildSeen({ pod: buildPod({ metadata, spec }), containers: [] }), noonMs);
  expect(plan.steps.map(text)).toEqual(["removeVolumes lh_u1_tmp", "finalize"]);
});

test("planPod() does nothing for a pod that ended", () => {
  const pod = buildPod({ status: { phase: "Failed" } });
  expect(planPod(buildSeen({ pod, containers: [] }), noonMs).steps).toEqual([]);
});

test("restartAtMs() doubles from ten seconds to five minutes", () => {
  const waits = [0, 1, 2, 3, 6, 20].map(
    (streak) => restartAtMs(endedHistory({ streak, endedSeenAtMs: 0 })) / 1000,
  );
  expect(waits).toEqual([0, 10, 20, 40, 300, 300]);
});

test("isPrepared() wants every container and free host ports", () => {
  const created = buildSeen({ ...fresh, containers: [createdFact()], desired: "Prepared" });
  expect(isPrepared(created)).toBe(true);
  expect(isPrepared({ ...created, containers: [] })).toBe(false);
  expect(isPrepared({ ...created, pod: withPort })).toBe(false);
  expect(isPrepared({ ...created, pod: withPort, portsFree: true })).toBe(true);
});
