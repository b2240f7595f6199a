import { applicationCondition, applicationReason } from "../crds/conditions.ts";
import { annotation } from "../crds/labels.ts";
import type { Application, Condition } from "../crds/types.gen.ts";

/**
 * What a rollout has come to. `Succeeded` and `Failed` are final; the text says why, in words.
 * It reads the same conditions as `kubectl wait`, so that both give the same answer (G13).
 */
export type Verdict = {
  readonly state: "Running" | "Succeeded" | "Failed";
  readonly text: string;
};

type Status = NonNullable<Application["status"]>;

const condition = ({ conditions }: Status, type: string): Condition | undefined =>
  conditions?.find((one) => one.type === type);

const because = (why: string | undefined): string =>
  why === undefined || why === "" ? "" : `: ${why}`;

function rolledBack(status: Status): string {
  const { currentRevision, failedRevision } = status;
  const outcome = currentRevision === undefined ? "nothing runs" : `${currentRevision} runs again`;
  const why =
    failedRevision?.message ?? condition(status, applicationCondition.rolledBack)?.message;
  return `rolled back, ${outcome}${because(why)}`;
}

function failure(status: Status): string | undefined {
  const phase = status.rollout?.phase;
  const is = (type: string): boolean => condition(status, type)?.status === "True";
  if (phase === "RolledBack" || is(applicationCondition.rolledBack)) return rolledBack(status);
  if (phase === "RollbackPaused") {
    const progressing = condition(status, applicationCondition.progressing);
    return `rollback paused${because(progressing?.message)}`;
  }
  const paused = condition(status, applicationCondition.paused);
  const byFailure = paused?.reason === applicationReason.pausedByFailure;
  return byFailure && paused.status === "True"
    ? `paused by a failure${because(paused.message)}`
    : undefined;
}

function progress({ rollout, ready = "0/0" }: Status): string {
  if (rollout === undefined) return `Pending, ${ready} ready`;
  const batch = rollout.phase === "Rolling" ? ` ${rollout.progress ?? ""}` : "";
  const [wait] = rollout.waits ?? [];
  const why =
    wait === undefined ? "" : `, waiting for ${wait.owner}: ${wait.message ?? wait.reason}`;
  return `${rollout.phase}${batch.trimEnd()}, ${ready} ready${why}`;
}

/** Somebody asked for the failed template once more, and the controller has not seen it yet. */
function isRetryAhead({ status, metadata }: Application): boolean {
  const { failedRevision, rollout } = status ?? {};
  // In other phases the controller does not take it for an order, see docs/applications.md.
  if (rollout?.phase !== "RolledBack" && rollout?.phase !== "Paused") return false;
  const failedAt = failedRevision?.failedAt;
  return failedAt !== undefined && metadata.annotations?.[annotation.retry] === failedAt;
}

/** Whether the status is about the newest change, and not about what was before. */
export function isObserved(app: Application): boolean {
  const { status, metadata } = app;
  return status?.observedGeneration === metadata.generation && !isRetryAhead(app);
}

/** The verdict on the newest change of an Application. */
export function verdictOf(app: Application): Verdict {
  const { status, metadata } = app;
  if (status === undefined || !isObserved(app)) {
    return { state: "Running", text: "waiting for the controller to see the change" };
  }
  const failed = failure(status);
  if (failed !== undefined) return { state: "Failed", text: failed };
  const ready = condition(status, applicationCondition.ready);
  const settled =
    status.rollout === undefined ||
    status.rollout.phase === "Completed" ||
    // It proves itself once it may run; what was asked for by now is there.
    ready?.reason === applicationReason.stopped;
  const running: Verdict = { state: "Running", text: progress(status) };
  if (ready === undefined || !settled) return running;
  if (ready.observedGeneration !== metadata.generation) return running;
  if (ready.status !== "True") return running;
  const isWhole = ready.reason !== applicationReason.hostsSkipped;
  const text = isWhole
    ? `Ready, ${running.text}`
    : `Completed; ${ready.message}: they converge when they are back`;
  return { state: "Succeeded", text };
}
