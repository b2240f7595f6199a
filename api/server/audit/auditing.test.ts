import Fastify from "fastify";
import { expect, test } from "vitest";
import type { User } from "../access.ts";
import { mapErrors } from "../errors.ts";
import type { App, Request } from "../http.ts";
import { requestInfo } from "../objects/request-info.ts";
import { type Auditing, type AuditMode, openAuditing } from "./audit.ts";
import { defaultPolicy } from "./policy.ts";
import { openStorms, sourceOf } from "./storms.ts";

type Event = {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly responseStatus?: { readonly code: number; readonly message?: string };
  readonly annotations: Readonly<Record<string, string>>;
};

type Rig = {
  readonly app: App;
  readonly events: readonly Event[];
  readonly log: { failing: boolean };
  readonly clock: { now: number };
};

/** Our hooks in the order of the product, with a judge that asks only who somebody says to be. */
function openRig(mode: AuditMode, user: User | undefined): Rig {
  const events: Event[] = [];
  const clock = { now: 1_700_000_000_000 };
  const log = {
    failing: false,
    write: (event: string): boolean => events.push(JSON.parse(event) as Event) > 0,
    record: async (event: string): Promise<boolean> => !log.failing && log.write(event),
  };
  const auditing: Auditing = openAuditing({
    policy: mode === "batch" ? defaultPolicy : { ...defaultPolicy, omitStages: [] },
    log,
    clock: { nowMs: () => clock.now },
    mode,
  });
  const app = Fastify();
  app.addHook("onRequest", async (request) => {
    request.info = requestInfo(request.method, request.url);
    request.user = { name: "", groups: [] };
  });
  auditing.serve(app);
  mapErrors(app);
  app.addHook("onRequest", async (request: Request, reply) => {
    if (user === undefined) return reply.code(401).send({ reason: "Unauthorized" });
    request.user = user;
    await auditing.onKnown(request);
    request.decision = { allowed: true, reason: "because" };
  });
  app.get("/api/v1/pods", () => "[]");
  app.get("/api/v1/nodes", () => {
    throw new TypeError("a defect");
  });
  return { app, events, log, clock };
}

const ann = { name: "ann", groups: ["system:authenticated"] };

test("a decision is told with its reason", async () => {
  const { app, events } = openRig("batch", ann);
  await app.inject({ url: "/api/v1/pods" });
  expect(events.map(({ annotations }) => annotations)).toEqual([
    { "authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "because" },
  ]);
});

test("who acts as one of our parts does not get out of sight", async () => {
  const part = { name: "system:beacon:a", groups: ["system:beacons"] };
  const { app, events } = openRig("batch", { ...part, actor: ann });
  await app.inject({ url: "/api/v1/pods" });
  expect(events.map(({ user }) => user.username)).toEqual(["ann"]);
  const { app: own, events: quiet } = openRig("batch", part);
  await own.inject({ url: "/api/v1/pods" });
  expect(quiet).toEqual([]);
});

test("a defect is a panic", async () => {
  const { app, events } = openRig("batch", ann);
  expect((await app.inject({ url: "/api/v1/nodes" })).statusCode).toBe(500);
  expect(events.map(({ stage, responseStatus }) => [stage, responseStatus?.code])).toEqual([
    ["Panic", 500],
  ]);
});

test.each<[AuditMode, boolean, number]>([
  ["batch", true, 200],
  ["blocking", false, 200],
  ["blocking", true, 200],
  ["blocking-strict", false, 200],
  ["blocking-strict", true, 500],
])("%s with a disk that fails (%s) answers %i", async (mode, failing, code) => {
  const { app, log } = openRig(mode, ann);
  log.failing = failing;
  expect((await app.inject({ url: "/api/v1/pods" })).statusCode).toBe(code);
});

test("blocking records a request before it is done", async () => {
  const { app, events } = openRig("blocking", ann);
  await app.inject({ url: "/api/v1/pods" });
  expect(events.map(({ stage }) => stage)).toEqual(["RequestReceived", "ResponseComplete"]);
});

test("a storm of strangers is bounded, and told when it has passed", async () => {
  const { app, events, clock } = openRig("batch", undefined);
  for (let index = 0; index < 100; index++) await app.inject({ url: "/api/v1/pods" });
  expect(events).toHaveLength(60);
  clock.now += 2_000;
  await app.inject({ url: "/api/v1/pods" });
  expect(events.at(-1)?.annotations["lighthouse.dev/left-out"]).toBe("40");
  for (let index = 0; index < 10; index++) await app.inject({ url: "/api/v1/pods" });
  await app.close();
  expect(events.at(-1)?.annotations["lighthouse.dev/left-out"]).toBe("9");
});

test("storms know so many sources, and forget them", () => {
  const clock = { now: 0 };
  const limits = { burst: 1, perSecond: 1, sources: 2 };
  const storms = openStorms({ nowMs: () => clock.now }, limits);
  expect(["a", "b", "c", "d"].map((source) => storms.admit(source))).toEqual([0, 0, 0, undefined]);
  expect([...storms.takeLeftOut()]).toEqual([["others", 1]]);
  clock.now = 5_000;
  expect([...storms.takeLeftOut()]).toEqual([]);
  expect(["e", "e"].map((source) => storms.admit(source))).toEqual([0, undefined]);
});

test.each([
  ["10.0.0.1", "10.0.0.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8::7:1", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
])("sourceOf(%s) is %s", (address, source) => {
  expect(sourceOf(address)).toBe(source);
});
