/** Where and how an engine keeps layers. */
export type EngineStorage = {
  /** On its machine, e.g. `/var/lib/docker`; empty if it does not tell. */
  readonly rootDir: string;
  /** e.g. `overlay2`. */
  readonly driver: string;
  /** What the driver says of itself, e.g. `Backing Filesystem` to `extfs`. */
  readonly facts: Readonly<Record<string, string>>;
};

/** What of a container is on its machine. */
export type ContainerPlace = {
  /** The CPUs that it is kept to, e.g. `0-1,3`; empty: all. */
  readonly cpus: string;
  /** Process id on the machine; 0 unless running. */
  readonly pid: number;
  /** Its log; empty when its log driver keeps no file. */
  readonly logPath: string;
  /** Its volumes; `path` is on the machine, `target` in the container. */
  readonly volumes: readonly {
    readonly name: string;
    readonly path: string;
    readonly target: string;
  }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly isRunning: boolean;
};

/** A row of the list of images. */
export type ImageSummary = {
  /** `sha256:...` of its configuration. */
  readonly id: string;
  /** Content addresses by repository; empty for a local image. */
  readonly digests: readonly string[];
  /** Empty for one that lost them all. */
  readonly tags: readonly string[];
  readonly sizeBytes: number;
};

/** What a host needs beside the lives of containers: measures, places and corrections. */
export interface Upkeep {
  storage(signal?: AbortSignal): Promise<EngineStorage>;
  /** `undefined` when there is no such container. */
  placeOf(id: string, signal?: AbortSignal): Promise<ContainerPlace | undefined>;
  /** Bytes that a container wrote beside its volumes; `undefined` when there is none such. The
   * engine walks all those files: ask seldom, and for one after the other. */
  writtenBytes(id: string, signal?: AbortSignal): Promise<number | undefined>;
  /** Keeps a container to these CPUs, e.g. `0-1,3`; at once when it runs, else from its start.
   * @throws StatusError `NotFound`; `BadRequest` or `InternalError` in the engine's words for CPUs
   * that the host does not have. */
  pin(id: string, cpus: string, signal?: AbortSignal): Promise<void>;
  /** All images but those that are only layers of others. */
  images(signal?: AbortSignal): Promise<readonly ImageSummary[]>;
}
