import { formatTime, parseTime } from "../../machinery/time.ts";
import { annotation } from "../../../crds/labels.ts";
import { applicationReason } from "../../../crds/conditions.ts";
import type { RolloutLine, RolloutVerdict } from "../../../crds/rollout-stream.ts";
import type { Application, ApplicationStatus, Rollout } from "../../../crds/types.gen.ts";
import { beginning, type Cursor, cutShort, finalLine, newsOf, operationOf } from "./lines.ts";

/** Turns the states of one Application, as they come, into the lines of one rollout. */
export interface Follower {
  /**
   * What is new in this state; `undefined` stands for an Application that is gone. It may be shown
   * any later state, not each: lines are derived from what is recorded, never from a change.
   */
  see(application: Application | undefined): readonly RolloutLine[];
  /** `Finalized` was said: nothing follows. */
  readonly isOver: boolean;
}

/** What a reader asked for. */
export type FollowerOptions = {
  /** Whether to wait until the controller has seen the newest change, and to tell of a deletion. */
  readonly follow: boolean;
  readonly nowMs: () => number;
};

const deleted = "The Application was deleted";

type Verdict = { readonly verdict: RolloutVerdict; readonly message: string };

function afterFailure({ currentRevision }: ApplicationStatus, rollout: Rollout): Verdict {
  const { revision = "", message = "" } = rollout;
  return currentRevision === undefined
    ? { verdict: "Failed", message: `${revision} failed, nothing runs: ${message}` }
    : { verdict: "RolledBack", message: `${revision} failed, ${currentRevision} runs: ${message}` };
}

/** How the rollout ended; `undefined` while it goes on. Reads what the conditions read (G13). */
export function verdictOf(status: ApplicationStatus, rollout: Rollout): Verdict | undefined {
  const { phase, reason, message = "" } = rollout;
  switch (phase) {
    case "Completed":
      return { verdict: "Succeeded", message };
    case "RolledBack":
      return afterFailure(status, rollout);
    case "RollbackPaused":
      return { verdict: "Failed", message: `The rollback is stuck: ${message}` };
    case "Paused": {
      const isFailed = reason === applicationReason.pausedByFailure;
      return isFailed
        ? { verdict: "Failed", message: `Paused by a failure: ${message}` }
        : undefined;
    }
    default:
      return undefined;
  }
}

const msOf = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : parseTime(time);

/** Whether the controller has still to see a change: the rollout that it tells of is an older one. */
function isStale({ metadata, status }: Application): boolean {
  if (status === undefined || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return true;
  }
  // A retry is asked for by annotation, which counts no generation. It names the failure by its time.
  const retryMs = msOf(metadata.annotations?.[annotation.retry]);
  return retryMs !== undefined && retryMs === msOf(status.failedRevision?.failedAt);
}

/** A follower that has told of nothing. It keeps the newest state that it was shown, and a place in it. */
export function followerOf({ follow, nowMs }: FollowerOptions): Follower {
  let uid: string | undefined;
  let rollout: Rollout | undefined;
  let cursor: Cursor = beginning;
  let isOver = false;

  const end = (verdict: RolloutVerdict, message: string, time: string): RolloutLine => {
    isOver = true;
    return finalLine(rollout === undefined ? "" : operationOf(rollout), verdict, { message, time });
  };

  const isGone = (application: Application | undefined): application is undefined =>
    application === undefined || (uid !== undefined && application.metadata.uid !== uid);

  const breakOff = (verdict: RolloutVerdict, message: string): readonly RolloutLine[] => {
    const time = formatTime(nowMs());
    const rest = rollout === undefined ? [] : cutShort(rollout, cursor, { message, time });
    return [...rest, end(verdict, message, time)];
  };

  const tell = (status: ApplicationStatus = {}): readonly RolloutLine[] => {
    const { rollout: now } = status;
    if (now === undefined) return [];
    if (rollout !== undefined && operationOf(rollout) !== operationOf(now)) {
      return breakOff("Superseded", `${now.revision ?? "Another Revision"} took over`);
    }
    rollout = now;
    const news = newsOf(now, cursor);
    cursor = news.cursor;
    const outcome = verdictOf(status, now);
    if (outcome === undefined) return news.lines;
    const { finishedAt, phaseStartedAt = "" } = now;
    return [...news.lines, end(outcome.verdict, outcome.message, finishedAt ?? phaseStartedAt)];
  };

  return {
    get isOver() {
      return isOver;
    },
    see(application) {
      if (isOver) return [];
      if (isGone(application)) return follow ? breakOff("Deleted", deleted) : [];
      uid = application.metadata.uid;
      const isEarly = rollout === undefined && follow && isStale(application);
      return isEarly ? [] : tell(application.status);
    },
  };
}

/** One line as it is sent. */
export function wireLine(line: RolloutLine): Buffer {
  return Buffer.from(`${JSON.stringify(line)}\n`);
}
