/** Versions of what runs in the scenarios, by what they do. */
export const versions = {
  v1: "127.0.0.1:1/bench/web:v1",
  v2: "127.0.0.1:1/bench/web:v2",
  v3: "127.0.0.1:1/bench/web:v3",
  /** Ends at once. */
  crash: "127.0.0.1:1/bench/web:crash",
  /** Another one that ends at once. */
  crash2: "127.0.0.1:1/bench/web:crash2",
  /** Runs for 12 seconds, and ends with an error. */
  mortal: "127.0.0.1:1/bench/web:mortal",
  /** On no host, and its registry refuses. */
  absent: "127.0.0.1:1/bench/web:absent",
} as const;

/** One of {@link versions}. */
export type Version = keyof typeof versions;

/** What is asked for, in words that both systems have. */
export type Wish = {
  readonly name: string;
  readonly version: Version;
  /** In place of the version's own. */
  readonly image?: string;
  /** Or one on every host. */
  readonly replicas: number | "every host";
  /** Replaced at a time. Default 1. */
  readonly batch?: number;
  /** A version is good when it ran this long after the last one was replaced; absent: their default. */
  readonly monitorSeconds?: number;
  /** Where there is one: how long a rollout may make no progress. Default: theirs. */
  readonly deadlineSeconds?: number;
  /** Only hosts that carry a label which none has. */
  readonly nowhere?: boolean;
  readonly onFailure?: "rollback" | "pause";
  /** A port of the host, the same on each, changed with the new one started first. */
  readonly hostPort?: number;
};

/** Where a change stands, by what the system itself says. */
export type Stand = "going" | "completed" | "rolled back" | "paused";

/** A control plane over the hosts of the bench. */
export interface System {
  readonly name: "Swarm" | "Lighthouse";
  /** Asks for it. Resolves to the words of a refusal, or to nothing. */
  apply(wish: Wish): Promise<string | undefined>;
  stand(name: string): Promise<Stand>;
  /** Versions of its running containers, told by the engines; of all hosts or of one, from 0. */
  running(name: string, host?: number): Promise<readonly Version[]>;
  /** Asks for it with the system's own command line, waits, and resolves to the exit code. */
  exitCodeOf(wish: Wish): Promise<number>;
  /** Back to the version before, by the system's own command. */
  undo(name: string): Promise<void>;
  /** Whether it takes the host, by its number from 0, for one that answers. */
  isUp(host: number): Promise<boolean>;
  drain(host: number): Promise<void>;
  undrain(host: number): Promise<void>;
  /** Kills what decides with SIGKILL and starts it again. */
  crash(): Promise<void>;
  remove(name: string): Promise<void>;
}

/** `6 v1`, or `2 v1, 4 v2`. */
export function countsText(running: readonly Version[]): string {
  const counts = Object.entries(Object.groupBy(running, (version) => version));
  if (counts.length === 0) return "nothing";
  return counts
    .map(([version, all]) => `${all.length} ${version}`)
    .sort()
    .join(", ");
}
