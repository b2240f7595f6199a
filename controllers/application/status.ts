import { formatMicroTime } from "../../api/machinery/time.ts";
import { equalJson } from "../../api/machinery/equality.ts";
import { label } from "../../crds/labels.ts";
import type { Application, ApplicationStatus, RolloutWait } from "../../crds/types.gen.ts";
import { conditionsOf } from "./conditions.ts";
import { failureTo, rolloutTo } from "./memory.ts";
import type { Rollout, Seen } from "./seen.ts";
import { viewsOf } from "./slots.ts";
import type { Plan, Wait } from "./step.ts";

/** How many waits a status names; those of the same owner and reason share one. */
const maxWaits = 20;

function waitsTo(waits: readonly Wait[]): readonly RolloutWait[] {
  const groups = Map.groupBy(waits, ({ owner, reason }) => `${owner} ${reason}`);
  return [...groups.values()].slice(0, maxWaits).flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const rest = group.length > 1 ? ` (and ${group.length - 1} more)` : "";
    const sinceMs = Math.min(...group.map((wait) => wait.sinceMs));
    const slot = group.length > 1 || first.slot === undefined ? {} : { slot: first.slot };
    const { owner, reason, message } = first;
    return [
      { owner, reason, message: `${message}${rest}`, ...slot, since: formatMicroTime(sinceMs) },
    ];
  });
}

function rolloutStatus(rollout: Rollout, waits: readonly Wait[]) {
  const { batches } = rollout;
  const batch = Math.min(rollout.batch, batches);
  const said = waitsTo(waits);
  return {
    ...rolloutTo(rollout),
    batch,
    progress: `${batch}/${batches}`,
    ...(said.length === 0 ? {} : { waits: said }),
  };
}

/** The whole status after a pass. Pure: the same world gives the same status. */
export function statusOf(
  application: Application,
  seen: Seen,
  plan: Plan,
  nowMs: number,
): ApplicationStatus {
  const views = viewsOf(seen, plan.target);
  const total = views.length;
  const ready = views.filter((view) => view.available && !view.offline).length;
  const updated = views.filter(({ goal }) => goal?.desired === "Running" && goal.up).length;
  const seenGeneration = application.metadata.generation ?? 1;
  // Nobody may take a verdict on the former template for one on the latest.
  const isBehind = plan.isBehind === true;
  const generation = isBehind ? (application.status?.observedGeneration ?? 0) : seenGeneration;
  const { current, failed, rollout, homes } = plan.memory;
  return {
    observedGeneration: generation,
    replicas: total,
    readyReplicas: ready,
    updatedReplicas: updated,
    unavailableReplicas: total - ready,
    ready: `${ready}/${total}`,
    selector: `${label.application}=${application.metadata.name}`,
    ...(current === undefined ? {} : { currentRevision: current }),
    ...(plan.target === "" ? {} : { targetRevision: plan.target }),
    ...(failed === undefined ? {} : { failedRevision: failureTo(failed) }),
    ...(homes === undefined ? {} : { homes }),
    ...(rollout === undefined ? {} : { rollout: rolloutStatus(rollout, plan.waits) }),
    conditions: conditionsOf(application.status?.conditions, seen, plan, { generation, nowMs }),
  };
}

/** The part of a status that others act on: it is written at once. The rest may be a moment old. */
function verdictOf(status: ApplicationStatus | undefined): unknown {
  const { rollout, conditions = [], ...rest } = status ?? {};
  const { observedGeneration, replicas, currentRevision, targetRevision, failedRevision } = rest;
  const said = conditions.map(({ type, status: is, reason }) => [type, is, reason]);
  const { phase, resumePhase, batch, failedSlots, revision, startedAt, readySince } = rollout ?? {};
  const { group } = rollout ?? {};
  const of = { phase, resumePhase, batch, failedSlots, revision, startedAt, readySince, group };
  return {
    observedGeneration,
    replicas,
    currentRevision,
    targetRevision,
    failedRevision,
    homes: rest.homes,
    said,
    of,
  };
}

/** How urgent the change from one status to the other is. */
export function changeOf(
  before: ApplicationStatus | undefined,
  after: ApplicationStatus,
): "none" | "detail" | "verdict" {
  if (equalJson(before, after)) return "none";
  return equalJson(verdictOf(before), verdictOf(after)) ? "detail" : "verdict";
}
