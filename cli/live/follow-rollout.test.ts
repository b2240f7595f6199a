import { expect, test } from "vitest";
import type { Client } from "../../api/client/client.ts";
import { forbidden, unavailable } from "../../api/machinery/errors.ts";
import { applications, pods } from "../../api/machinery/resources.ts";
import type { ApplicationStatus, PodTemplate } from "../../crds/types.gen.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { type MemoryApi, memoryApi } from "../../test/kit/memory-api.ts";
import { sightedApp, sightedPod, sightMs } from "../../test/kit/rollout-sight.ts";
import type { Call } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { followRollout } from "./follow-rollout.ts";

const key = { namespace: "shop", name: "web" };
const { generation = 0 } = sightedApp().metadata;
const good: ApplicationStatus = {
  observedGeneration: generation,
  replicas: 1,
  readyReplicas: 1,
  ready: "1/1",
  currentRevision: "web-2",
  targetRevision: "web-2",
  conditions: [
    {
      type: "Ready",
      status: "True",
      reason: "SlotsReady",
      message: "",
      lastTransitionTime: "2026-11-21T12:00:00Z",
      observedGeneration: generation,
    },
  ],
  rollout: { phase: "Completed", revision: "web-2" },
};
const rolling: ApplicationStatus = { ...good, conditions: [], rollout: { phase: "Rolling" } };

type World = {
  readonly api: MemoryApi;
  readonly call: Call;
  readonly out: () => string;
  readonly err: () => string;
  become(status: ApplicationStatus): Promise<unknown>;
  /** As a server that ends does. */
  cutWatches(): void;
};

async function world(over: Partial<Call> = {}): Promise<World> {
  const api = memoryApi();
  const { status: _, ...draft } = sightedApp({ spec: { replicas: 1 } });
  await api.create(applications, draft);
  const said = { out: "", err: "" };
  let cut = new AbortController();
  const client: Client = {
    ...api,
    watch: (type, options, signal) =>
      api.watch(type, options, AbortSignal.any([signal, cut.signal])),
  };
  const session = {
    client,
    namespace: "shop",
    server: "",
    config: { server: "" },
    close: () => Promise.resolve(),
  };
  const call: Call = {
    args: [],
    flags: {},
    signal: AbortSignal.timeout(20_000),
    connect: () => Promise.resolve(session),
    io: {
      out: (text) => void (said.out += text),
      err: (text) => void (said.err += text),
      isTerminal: false,
      color: false,
      env: {},
      readStdin: () => Promise.resolve(""),
      clock: { nowMs: () => sightMs },
    },
    ...over,
  };
  return {
    api,
    call,
    out: () => said.out,
    err: () => said.err,
    cutWatches() {
      cut.abort(unavailable("Lost the connection"));
      cut = new AbortController();
    },
    become: (status) =>
      api.patch(applications, key, { type: "merge", body: { status } }, { subresource: "status" }),
  };
}

const saw = (world: World, text: string): Promise<boolean> =>
  eventually(`the output has "${text}"`, () => Promise.resolve(world.out().includes(text)));

test("followRollout() ends with 0 when what was asked for runs", async () => {
  const here = await world();
  await here.become(rolling);
  const code = followRollout(here.call, key, {});
  await saw(here, "Rolling");
  await here.api.create(pods, sightedPod("web-2", "0", { readyFor: 60 }));
  await here.become(good);
  expect(await code).toBe(exitCode.done);
  expect(here.out()).toContain("application/web: Ready, Completed, 1/1 ready\n");
});

test("followRollout() ends with 1 when another template is asked for meanwhile", async () => {
  const here = await world();
  await here.become(good);
  const { template } = sightedApp().spec;
  const other = { spec: { containers: [{ ...template.spec.containers[0], image: "web:v9" }] } };
  const asked = { template: other as unknown as PodTemplate };
  expect(await followRollout(here.call, key, asked)).toBe(exitCode.failed);
  expect(here.out()).toContain("replaced by another change");
});

test("followRollout() ends with 1 when the Application is deleted", async () => {
  const here = await world();
  await here.become(rolling);
  const code = followRollout(here.call, key, {});
  await saw(here, "Rolling");
  await here.api.delete(applications, key);
  expect(await code).toBe(exitCode.failed);
  expect(here.out()).toContain('Application "web" was deleted');
});

test("followRollout() throws TimedOut when there is no verdict in time", async () => {
  const here = await world();
  await here.become(rolling);
  await expect(followRollout(here.call, key, { timeoutMs: 100 })).rejects.toMatchObject({
    name: "TimedOut",
    message: 'Application "web" has no verdict after 0.1 s; the rollout goes on',
  });
});

test("followRollout() says on Ctrl-C that the rollout goes on, and gives the cursor back", async () => {
  const stop = new AbortController();
  const here = await world({ signal: stop.signal });
  const call = { ...here.call, io: { ...here.call.io, isTerminal: true } };
  await here.become(rolling);
  const code = followRollout(call, key, {});
  await saw(here, "Rolling");
  stop.abort(new Error("Interrupted by SIGINT"));
  await expect(code).rejects.toThrow(/abort|Interrupted/i);
  expect(here.err()).toContain('The rollout goes on: see "lighthouse rollout status web"');
  expect(here.out().endsWith("\u001B[?25h")).toBe(true);
});

test("followRollout() goes on without the pods when they may not be read", async () => {
  const here = await world();
  here.api.before(({ type }) => {
    if (type.plural === "pods") throw forbidden(pods, "", "no right");
  });
  await here.become(good);
  expect(await followRollout(here.call, key, {})).toBe(exitCode.done);
  expect(here.out()).toContain("its pods may not be read: slots are not shown");
});

test("followRollout() outlives a server that is away, and says both", async () => {
  const here = await world();
  let isAway = false;
  here.api.before(({ verb }) => {
    if (isAway && verb !== "patch") throw unavailable("Cannot reach the API server");
  });
  await here.become(rolling);
  const code = followRollout(here.call, key, {});
  await saw(here, "Rolling");
  isAway = true;
  here.cutWatches();
  await saw(here, "Cannot reach the API server (trying again)");
  isAway = false;
  await saw(here, "the server answers again");
  await here.become(good);
  expect(await code).toBe(exitCode.done);
});
