import {
  isAlreadyExists,
  isConflict,
  isTimeout,
  isUnavailable,
} from "../../api/machinery/errors.ts";
import { podReason } from "../../crds/conditions.ts";
import type { Step, Trouble } from "./plan.ts";
import { ConfigProblem } from "./sources.ts";

/** A step that failed because of the pod, its image or its neighbours; not because the engine is away. */
export class StepFailure extends Error {
  override readonly name = "StepFailure";
  /** A container of the pod; "" is the pod as a whole. */
  readonly container: string;
  /** One of `podReason`. */
  readonly reason: string;
  constructor(container: string, reason: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.container = container;
    this.reason = reason;
  }
}

/** A failure with how often it came in a row, so that the waits grow. */
export type Noted = Trouble & {
  readonly step: Step["kind"];
  /** Milliseconds since the Unix epoch, our clock. */
  readonly notedAtMs: number;
};

type Backoff = { readonly firstMs: number; readonly longestMs: number };

// Registries ask for patience; a taken port or a missing Secret is often put right by hand.
const patient: Backoff = { firstMs: 10_000, longestMs: 300_000 };
const eager: Backoff = { firstMs: 500, longestMs: 15_000 };
// A rollout gives up on a start that is refused for ten seconds: there must be time for a second try.
const refusals: Backoff = { firstMs: 2_000, longestMs: 300_000 };

const pullReasons: ReadonlySet<string> = new Set([
  podReason.pullFailed,
  podReason.pullBackOff,
  podReason.imageUnknown,
]);

function backoffOf(reason: string): Backoff {
  if (reason === podReason.runError) return refusals;
  return pullReasons.has(reason) ? patient : eager;
}

/** The reason that a failed step gives to its container. */
export function failureReason(kind: Step["kind"], err: unknown): string {
  if (err instanceof ConfigProblem) return podReason.configError;
  if (kind === "pull") return podReason.pullFailed;
  // Not the engine's word on the container, which only a refusal is.
  if (isTimeout(err)) return podReason.engineOverdue;
  if (kind === "create")
    return isAlreadyExists(err) ? podReason.nameConflict : podReason.createError;
  return isConflict(err) ? podReason.portConflict : podReason.runError;
}

/** Whether trying the same again soon may help without anybody's doing: no fault of the pod. */
export function isPassing(err: unknown): boolean {
  return isUnavailable(err) || isTimeout(err);
}

/** The trouble after one more failure of a step. */
export function note(
  before: Noted | undefined,
  step: Step["kind"],
  failure: StepFailure,
  nowMs: number,
): Noted {
  const failures = before?.step === step ? before.failures + 1 : 1;
  const { firstMs, longestMs } = backoffOf(failure.reason);
  const waitMs = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return {
    step,
    // As kubectl users know it: the first failure has its own name, the wait after it another.
    reason:
      failures > 1 && failure.reason === podReason.pullFailed
        ? podReason.pullBackOff
        : failure.reason,
    message: failure.message,
    failures,
    retryAtMs: nowMs + waitMs,
    notedAtMs: nowMs,
  };
}
