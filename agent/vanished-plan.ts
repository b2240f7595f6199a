/** A Node of this beacon, as far as the decision needs it. */
export type KnownNode = {
  readonly name: string;
  /** Where its engine was reached last; absent for a Node that no agent has registered. */
  readonly endpoint?: string;
  /** Whether its Ready says already that its host has vanished. */
  readonly isTold: boolean;
  /** Since when it has not been Ready. Milliseconds since the epoch. */
  readonly sinceMs: number;
};

/** Everything the decision rests on. */
export type Seen = {
  readonly nodes: readonly KnownNode[];
  /** Endpoints that discovery shows. */
  readonly shown: ReadonlySet<string>;
  /** Nodes whose engine is run now, at whatever endpoint. */
  readonly running: ReadonlySet<string>;
  /** Whether every shown host has been asked who it is: one of them may be a Node that has moved. */
  readonly isSettled: boolean;
  /** How long a Node outlives its host; absent: for ever. Milliseconds. */
  readonly deleteAfterMs?: number;
};

/** Names of Nodes to report or delete, and when to look again at the latest. */
export type Plan = {
  readonly tell: readonly string[];
  readonly remove: readonly string[];
  readonly againMs?: number;
};

/** What becomes of Nodes whose host discovery shows no more. */
export function planVanished(seen: Seen, nowMs: number): Plan {
  const { nodes, shown, running, isSettled, deleteAfterMs } = seen;
  const gone = nodes.filter(
    ({ name, endpoint }) => endpoint !== undefined && !shown.has(endpoint) && !running.has(name),
  );
  const told = gone.filter(({ isTold }) => isTold);
  const tell = isSettled ? gone.filter(({ isTold }) => !isTold).map(({ name }) => name) : [];
  if (deleteAfterMs === undefined) return { tell, remove: [] };
  const dueMs = ({ sinceMs }: KnownNode): number => sinceMs + deleteAfterMs - nowMs;
  const remove = told.filter((node) => dueMs(node) <= 0).map(({ name }) => name);
  const waits = told.map(dueMs).filter((ms) => ms > 0);
  return { tell, remove, ...(waits.length === 0 ? {} : { againMs: Math.min(...waits) }) };
}
