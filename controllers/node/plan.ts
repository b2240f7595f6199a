/** A condition of a Node as it stands on the wire. */
export type NodeCondition = {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastHeartbeatTime?: string;
  readonly lastTransitionTime?: string;
};

/** A taint of a Node as it stands on the wire. */
export type NodeTaint = {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
  readonly timeAdded?: string;
};

/** Everything the decision rests on. */
export type Seen = {
  readonly conditions: readonly NodeCondition[];
  readonly taints: readonly NodeTaint[];
  /** It was cordoned: `spec.unschedulable`. */
  readonly unschedulable: boolean;
  /** For how long, by our clock, no sign of life came. Milliseconds. */
  readonly silentMs: number;
  /** For how long its agent vouches with each sign, if it says so: less when it ends on purpose. Milliseconds. */
  readonly leaseMs?: number;
};

/** One write; at most one per pass, the next pass sees its effect. */
export type Step =
  | { readonly kind: "setConditions"; readonly conditions: readonly NodeCondition[] }
  | { readonly kind: "setTaints"; readonly taints: readonly NodeTaint[] };

/** What to do, and when to look again if nothing is heard. Integer, milliseconds. */
export type Plan = { readonly step?: Step; readonly requeueAfterMs?: number };

/** A Node that is silent for longer is not ready. Agents renew their Lease every 10 s. */
export const graceMs = 40_000;

/** Conditions that only a living agent can vouch for. */
const vouched: ReadonlySet<string> = new Set([
  "Ready",
  "MemoryPressure",
  "DiskPressure",
  "PIDPressure",
]);

const unreachable = "node.kubernetes.io/unreachable";
const notReady = "node.kubernetes.io/not-ready";
const cordoned = "node.kubernetes.io/unschedulable";

function toUnknown(condition: NodeCondition, now: string): NodeCondition {
  if (!vouched.has(condition.type) || condition.status === "Unknown") return condition;
  return {
    ...condition,
    status: "Unknown",
    reason: "NodeStatusUnknown",
    message: "The agent of this Node does not answer",
    lastTransitionTime: now,
  };
}

/** The conditions of a Node that fell silent. */
function silenced(conditions: readonly NodeCondition[], now: string): readonly NodeCondition[] {
  const known = conditions.some(({ type }) => type === "Ready");
  const never: NodeCondition = { type: "Ready", status: "", lastTransitionTime: now };
  const complete = known ? conditions : [...conditions, never];
  return complete.map((condition) => toUnknown(condition, now));
}

/** Taints that keep pods away from a Node whose readiness is this. */
function taintKeyFor(ready: string | undefined): string | undefined {
  if (ready === "True") return undefined;
  return ready === "False" ? notReady : unreachable;
}

function taintsFor(
  ready: string | undefined,
  taints: readonly NodeTaint[],
  now: string,
): readonly NodeTaint[] {
  const key = taintKeyFor(ready);
  const kept = taints.filter((taint) => {
    const ours = taint.key === unreachable || taint.key === notReady;
    return !ours || taint.key === key;
  });
  const missing = ["NoSchedule", "NoExecute"].filter(
    (effect) => !kept.some((taint) => taint.key === key && taint.effect === effect),
  );
  if (key === undefined) return kept;
  return [...kept, ...missing.map((effect): NodeTaint => ({ key, effect, timeAdded: now }))];
}

/** The taint by which those who only look at taints see a cordon. */
function withCordon(
  taints: readonly NodeTaint[],
  unschedulable: boolean,
  now: string,
): readonly NodeTaint[] {
  const isOurs = ({ key, effect }: NodeTaint): boolean =>
    key === cordoned && effect === "NoSchedule";
  if (!unschedulable) return taints.filter((taint) => !isOurs(taint));
  if (taints.some(isOurs)) return taints;
  return [...taints, { key: cordoned, effect: "NoSchedule", timeAdded: now }];
}

const same = (one: readonly object[], other: readonly object[]): boolean =>
  one.length === other.length && one.every((item, index) => item === other[index]);

/**
 * Turns a silent Node Unknown, and keeps the taints of readiness and of a cordon in step. `now` is
 * RFC 3339. Readiness itself is the agent's to declare: when it is back, it writes Ready. The taint's
 * `timeAdded` is where eviction after a toleration will count from.
 */
export function planNode(seen: Seen, now: string): Plan {
  const { conditions, taints, unschedulable, silentMs, leaseMs = graceMs } = seen;
  const untilMs = Math.min(graceMs, leaseMs);
  const isSilent = silentMs >= untilMs;
  if (isSilent) {
    const after = silenced(conditions, now);
    if (!same(after, conditions)) return { step: { kind: "setConditions", conditions: after } };
  }
  const ready = conditions.find(({ type }) => type === "Ready")?.status;
  const ofReadiness = ready === undefined && !isSilent ? taints : taintsFor(ready, taints, now);
  const after = withCordon(ofReadiness, unschedulable, now);
  const step: Step | undefined = same(after, taints)
    ? undefined
    : { kind: "setTaints", taints: after };
  return {
    ...(step === undefined ? {} : { step }),
    ...(isSilent ? {} : { requeueAfterMs: untilMs - silentMs }),
  };
}
