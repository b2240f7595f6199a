import type { Client } from "../../api/client/client.ts";
import { isConflict, isForbidden, isInvalid } from "../../api/machinery/errors.ts";
import { keyOf, keyText, type ObjectKey } from "../../api/machinery/object.ts";
import { applications, nodes, pods, revisions } from "../../api/machinery/resources.ts";
import type { Node, Pod } from "../../api/machinery/resources.ts";
import { applicationReason } from "../../crds/conditions.ts";
import type { Application } from "../../crds/types.gen.ts";
import type { BuildController, Context, Reconciler, Result } from "../runtime/reconciler.ts";
import { source } from "../runtime/sources.ts";
import { byConfig, configIndex, createConfigWatch } from "./reload/config-watch.ts";
import {
  applicationIndex,
  applicationKeys,
  byApplication,
  observe,
  type Sources,
  type Subject,
} from "./observe.ts";
import { byGroup, groupIndex } from "./group/observe-group.ts";
import { departureNotice } from "./departure.ts";
import { createExpectations } from "./expectations.ts";
import { nameTaken, perform } from "./perform.ts";
import { planApplication } from "./plan.ts";
import { seenOf } from "./progress.ts";
import { createRests } from "../runtime/rests.ts";
import { changeOf, statusOf } from "./status.ts";
import type { Plan, Step } from "./step.ts";

/** Steps on pods that are under way at once, for one Application. */
const parallelSteps = 32;
/** Counts and messages of a status are written no more often than this. Milliseconds. */
const detailEveryMs = 500;
/** While the cache does not show what we wrote ourselves: its event comes sooner. Milliseconds. */
const recheckMs = 250;
/** Index of pods by the Node they are bound to. */
const byNode = "applicationNode";

const nodeIndex = ({ spec }: Pod): readonly string[] =>
  spec.nodeName === undefined ? [] : [spec.nodeName];

const isPerNode = ({ spec: { placement } }: Application): boolean =>
  placement.perNode || placement.nodes.length > 0;

const isOnRevision = ({ kind }: Step): boolean => kind.endsWith("Revision");

/** Works on all steps, a few at a time; all are tried, and the first failure is the caller's. */
async function performAll(
  steps: readonly Step[],
  act: (step: Step) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (const step of steps.filter(isOnRevision)) await act(step);
  const rest = steps.filter((step) => !isOnRevision(step)).values();
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    for (const step of rest) {
      signal.throwIfAborted();
      await act(step).catch((err: unknown) => failures.push(err));
    }
  };
  await Promise.all(Array.from({ length: parallelSteps }, work));
  if (failures.length > 0) throw failures[0];
}

/** What a refusal by the API server means to the user; `undefined` for what a retry mends. */
function waitAfter(err: unknown, nowMs: number): Plan["waits"] {
  if (!(err instanceof Error)) return [];
  if (isConflict(err)) {
    // A version that changed meanwhile mends itself; a name that somebody else holds does not.
    if (!err.message.includes(nameTaken)) return [];
    const { message } = err;
    return [{ owner: "user", reason: applicationReason.nameConflict, message, sinceMs: nowMs }];
  }
  if (isForbidden(err) && /\b(exceeded|failed) quota: /.test(err.message)) {
    const { message } = err;
    return [{ owner: "user", reason: applicationReason.quotaExceeded, message, sinceMs: nowMs }];
  }
  const isRefused = isInvalid(err) || isForbidden(err);
  const reason = isRefused ? applicationReason.invalidTemplate : "ApiError";
  return [{ owner: "api-server", reason, message: err.message, sinceMs: nowMs }];
}

/** Everything a pass works with beside the caches. */
type Deps = Pick<Context, "client" | "clock" | "recorder" | "log">;

/** What is known of the latest write of a status; only to save work, never to decide. */
type Written = { readonly over: string; readonly atMs: number };

async function report(
  deps: Deps,
  subject: Subject,
  plan: Plan,
  last: Written | undefined,
): Promise<{ readonly written?: Written; readonly waitMs?: number }> {
  const { application, seen } = subject;
  const nowMs = deps.clock.nowMs();
  const status = statusOf(application, seen, plan, nowMs);
  const change = changeOf(application.status, status);
  if (change === "none") return {};
  const dueMs = (last?.atMs ?? 0) + detailEveryMs;
  if (change === "detail" && dueMs > nowMs) return { waitMs: dueMs - nowMs };
  const after = await writeStatus(deps.client, { ...application, status });
  for (const notice of plan.notices) deps.recorder.event(application, notice);
  const over = application.metadata.resourceVersion;
  // A write that changed nothing brings no event: then there is nothing to wait for.
  return after.metadata.resourceVersion === over ? {} : { written: { over, atMs: nowMs } };
}

const writeStatus = (client: Client, application: Application): Promise<Application> =>
  client.replace(applications, application, { subresource: "status" });

function soonest(one: number | undefined, other: number | undefined): Result {
  if (one === undefined && other === undefined) return {};
  return { requeueAfterMs: Math.min(one ?? Infinity, other ?? Infinity) };
}

/** What a pass begins with. */
type Thought = { readonly subject: Subject; readonly plan: Plan };

function think(sources: Sources, key: ObjectKey, nowMs: number): Thought | undefined {
  const subject = observe(sources, key, nowMs);
  return subject === undefined
    ? undefined
    : { subject, plan: planApplication(subject.seen, nowMs) };
}

/** Brings Applications to what is asked for. */
export function applicationReconciler(sources: Sources, deps: Deps): Reconciler {
  const latest = new Map<string, Written>();
  const rests = createRests(deps.clock);
  const expectations = createExpectations(sources.pods, () => deps.clock.nowMs());
  const pass = async (
    id: string,
    { subject, plan }: Thought,
    signal: AbortSignal,
  ): Promise<Result> => {
    const { application, seen } = subject;
    // A Revision that is on record counts, not what the spec has become since.
    const templates = new Map([[plan.target, application.spec.template], ...subject.templates]);
    const act = async (step: Step): Promise<void> => {
      await perform(expectations.noting(deps.client, id), { ...subject, templates }, step);
      const notice = departureNotice({ ...subject, templates }, step);
      if (notice !== undefined) deps.recorder.event(application, notice);
      deps.log.debug({ application: id, step }, "performed step");
    };
    const failure = await performAll(plan.steps, act, signal).then(
      () => undefined,
      (err: unknown) => ({ err }),
    );
    // What was not done is not remembered as done.
    const told: Plan =
      failure === undefined
        ? plan
        : {
            ...plan,
            memory: seenOf(seen.memory, plan.memory),
            notices: [],
            waits: [...waitAfter(failure.err, deps.clock.nowMs()), ...plan.waits],
          };
    const { written, waitMs } = await report(deps, subject, told, latest.get(id));
    if (written !== undefined) latest.set(id, written);
    if (failure !== undefined) throw failure.err;
    return written === undefined ? soonest(plan.requeueAfterMs, waitMs) : {};
  };
  return {
    async reconcile(key, signal) {
      const id = keyText(key);
      const version = sources.applications.get(key)?.metadata.resourceVersion;
      // Our own write is on its way to the cache; what we see is from before it.
      if (version !== undefined && latest.get(id)?.over === version) return {};
      if (!expectations.areMet(id)) return { requeueAfterMs: recheckMs };
      const restMs = rests.leftMs(id);
      if (restMs > 0) return { requeueAfterMs: restMs };
      const thought = rests.after(id, () => think(sources, key, deps.clock.nowMs()));
      if (thought !== undefined) return pass(id, thought, signal);
      latest.delete(id);
      expectations.forget(id);
      rests.forget(id);
      return {};
    },
  };
}

/**
 * The Application controller. Owns the status of Applications, and Revisions; makes, orders about
 * and deletes pods of Applications, whose status belongs to their agents.
 */
export const buildApplicationController: BuildController = ({ caches, ...deps }) => {
  const known = caches.of(applications, { [byGroup]: groupIndex, [byConfig]: configIndex });
  const watch = createConfigWatch(known);
  const sources: Sources = {
    applications: known,
    config: watch.config,
    revisions: caches.of(revisions, { [byApplication]: applicationIndex }),
    pods: caches.of(pods, {
      [byApplication]: applicationIndex,
      [byNode]: nodeIndex,
    }),
    nodes: caches.of(nodes),
  };
  /** What one member has on record is what the others act on. */
  const withGroup = (application: Application): readonly ObjectKey[] => {
    const members = groupIndex(application).flatMap((at) => sources.applications.by(byGroup, at));
    return [keyOf(application), ...members.map(keyOf)];
  };
  const onNode = (node: Node): readonly ObjectKey[] => {
    const residents = sources.pods.by(byNode, node.metadata.name).flatMap(applicationKeys);
    const spread = sources.applications.list().filter(isPerNode).map(keyOf);
    return [...new Map([...residents, ...spread].map((key) => [keyText(key), key])).values()];
  };
  return {
    name: "application",
    owns: ["applications.lighthouse.dev/status", "revisions.lighthouse.dev"],
    sources: [
      source(applications, withGroup),
      source(revisions, applicationKeys),
      source(pods, applicationKeys),
      source(nodes, onNode),
    ],
    findSources: watch.findSources,
    reconciler: applicationReconciler(sources, deps),
  };
};
