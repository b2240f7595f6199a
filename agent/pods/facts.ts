/** Docker's words for where a container is in its life. */
export type ContainerState =
  "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

/** One container of ours on a host: an inspect, reduced to what planner and status need. */
export type ContainerFact = {
  /** Docker's id, 64 hex digits. */
  readonly id: string;
  /** Docker's name without the leading slash, e.g. `lh_shop_web-0_app_1a2b3c4d`. */
  readonly dockerName: string;
  /** Name of the container in the pod's spec. */
  readonly name: string;
  /** What it was created from, see `specHash()`. */
  readonly specHash: string;
  readonly state: ContainerState;
  /** Milliseconds since the Unix epoch on the host's clock; absent if it never ran. */
  readonly startedAtMs?: number;
  /** End of the latest finished run, same clock; absent if none finished. */
  readonly finishedAtMs?: number;
  /** Of the latest run; 0 while it runs. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Docker's message about a failed start, else empty. */
  readonly error: string;
  /** Verdict of the image's HEALTHCHECK; absent when it has none. */
  readonly health?: "starting" | "healthy" | "unhealthy";
  /** Id of the image, `sha256:` and 64 hex digits. */
  readonly imageId: string;
  /** Address on the engine's network; empty on the host's network, another container's, or when it does not run. */
  readonly ip: string;
  /** Id of the container whose network it shares; absent when it has its own. */
  readonly networkOf?: string;
};

/** Whether a process is there now. */
export function isUp(fact: ContainerFact): boolean {
  return fact.state === "running" || fact.state === "paused" || fact.state === "restarting";
}

/** Whether it ran and ended. */
export function isEnded(fact: ContainerFact): boolean {
  return fact.state === "exited" || fact.state === "dead";
}
