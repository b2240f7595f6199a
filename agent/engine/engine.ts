import type { Duplex, Readable, Writable } from "node:stream";
import type { ContainerSpec } from "./container-spec.ts";
import type { FileChange, PathStat } from "./file-types.ts";
import type { Networks } from "./network-types.ts";
import type { PassThrough } from "./pass-through.ts";
import type { ContainerStats } from "./stats.ts";
import type { Upkeep } from "./upkeep.ts";

/** Who a Docker host is and what it can carry. */
export type EngineInfo = {
  /** Docker Engine ID: the identity of the Node, stable over restarts and address changes. */
  readonly id: string;
  /** Host name as the engine sees it. */
  readonly name: string;
  /** Engine release, e.g. `20.10.24+dfsg1`. */
  readonly version: string;
  /** The negotiated API version that this driver speaks, e.g. `1.41`. */
  readonly apiVersion: string;
  /** e.g. `linux`. */
  readonly os: string;
  /** Go's name for the processor: `amd64`, `arm64`. */
  readonly arch: string;
  /** e.g. `Debian GNU/Linux 12 (bookworm)`. */
  readonly osImage: string;
  readonly kernel: string;
  /** Integer, 1 or more. */
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Labels of the daemon's configuration (`dockerd --label`). */
  readonly labels: Readonly<Record<string, string>>;
  /** An engine of ours that runs nothing, for machines where Docker is impossible. */
  readonly simulated: boolean;
};

/** Where a container is in its life, in Docker's words. */
export type ContainerPhase =
  "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

/** A row of the list. */
export type ContainerSummary = {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  /** The reference it was created from, or an image ID when the reference moved on. */
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly phase: ContainerPhase;
  /** For people, e.g. `Up 3 minutes (healthy)`. */
  readonly status: string;
  /** Published now; empty unless running. */
  readonly ports: readonly PublishedPort[];
  /** Milliseconds since the epoch; whole seconds. */
  readonly createdAtMs: number;
};

/** The verdict of the engine's own HEALTHCHECK. */
export type ContainerHealth = {
  readonly status: "starting" | "healthy" | "unhealthy";
  readonly failingStreak: number;
  /** Output of the last check, at most 4 KiB. */
  readonly lastOutput: string;
};

/** What a container does now, or how its last run ended. */
export type ContainerState = {
  readonly phase: ContainerPhase;
  /** Process id on the host; 0 unless running. */
  readonly pid: number;
  /** Meaningful once `phase` is exited or dead. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why the engine could not start it; empty otherwise. */
  readonly error: string;
  /** Milliseconds since the epoch; absent if it never started. */
  readonly startedAtMs?: number;
  /** Milliseconds since the epoch; absent if it never ended. */
  readonly finishedAtMs?: number;
  /** Absent without a HEALTHCHECK. */
  readonly health?: ContainerHealth;
};

/** One port as published on the host. */
export type PublishedPort = {
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly hostIp: string;
  readonly hostPort: number;
};

/** What a container may use at most; 0 everywhere means no limit, or the engine's default. */
export type ContainerLimits = {
  readonly memoryBytes: number;
  readonly memoryReservationBytes: number;
  readonly cpuShares: number;
  /** CPU time per period, in microseconds. */
  readonly cpuQuotaMicros: number;
  readonly cpuPeriodMicros: number;
};

/** Everything about one container. */
export type ContainerDetail = {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly state: ContainerState;
  /** Restarts by the engine's restart policy. */
  readonly restartCount: number;
  readonly tty: boolean;
  /** As given at creation, e.g. `bridge` or `container:<id>`. */
  readonly networkMode: string;
  readonly limits: ContainerLimits;
  /** Network name to IPv4 (or else IPv6) address; empty unless running. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly {
    readonly type: string;
    readonly source: string;
    readonly target: string;
    readonly readOnly: boolean;
  }[];
};

/**
 * Lifecycle of containers. `id` is an engine id or a name.
 *
 * Guarantees: `start`, `stop`, `kill` and `remove` are idempotent (a container that is already
 * there, stopped or gone resolves), except that `start` and `rename` of an absent one reject.
 */
export interface Containers {
  /** All of them, stopped ones too. Every label given must match; "" matches any value. */
  list(
    labels?: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ContainerSummary[]>;
  /** `undefined` when there is none. */
  inspect(id: string, signal?: AbortSignal): Promise<ContainerDetail | undefined>;
  /** Creates without starting; resolves to the id.
   * @throws StatusError `AlreadyExists` naming the container that holds `name`; `NotFound` when the
   * image is absent; `Invalid` when the engine refuses the spec. */
  create(name: string, spec: ContainerSpec, signal?: AbortSignal): Promise<string>;
  /** @throws StatusError `NotFound`; `Conflict` when a host port is taken; `InternalError` with the
   * engine's words when the process cannot be run. */
  start(id: string, signal?: AbortSignal): Promise<void>;
  /** Stop signal, then SIGKILL after `graceSeconds` (integer, 0 or more). Resolves once it stopped. */
  stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void>;
  /** Sends a signal such as `SIGHUP` to the main process. */
  kill(id: string, signalName: string, signal?: AbortSignal): Promise<void>;
  /** Removes it with its anonymous volumes; `force` kills a running one first.
   * @throws StatusError `Conflict` when it runs and `force` is not set. */
  remove(id: string, options?: { readonly force?: boolean }, signal?: AbortSignal): Promise<void>;
  /** @throws StatusError `AlreadyExists` naming the container that holds `name`. */
  rename(id: string, name: string, signal?: AbortSignal): Promise<void>;
}

/** A piece of a container's output, in order per stream. With a tty everything is `stdout`. */
export type Output = { readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array };

/** Which lines of the log. Absent fields do not restrict. */
export type LogOptions = {
  readonly follow?: boolean;
  /** The last so many lines. Integer, 0 or more. */
  readonly tail?: number;
  /** Milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** Prefix each line with its RFC 3339 time in nanoseconds and a space. */
  readonly timestamps?: boolean;
  /** Default: both. */
  readonly streams?: readonly Output["stream"][];
  /** Whether the container has a terminal, for those who know; else the engine is asked. */
  readonly tty?: boolean;
};

/** A process to run in a running container. */
export type ExecOptions = {
  readonly command: readonly string[];
  readonly tty?: boolean;
  /** Connect `stdin`; without it the process reads end-of-file at once. */
  readonly stdin?: boolean;
  readonly user?: string;
  readonly workingDir?: string;
  /** `NAME=value`. */
  readonly env?: readonly string[];
  /** Size of the terminal from the start. Integers, 1 or more. */
  readonly size?: TtySize;
};

/** Of a terminal, in characters. Integers, 1 or more. */
export type TtySize = { readonly columns: number; readonly rows: number };

/**
 * A conversation with a process: an exec, or the main process of a container.
 *
 * The process outlives a lost connection: Docker cannot kill an exec. Leaving `output` early only
 * hangs up.
 */
export interface Session extends AsyncDisposable {
  /** Ending it is end-of-file for the process; output keeps flowing. Errors when the process ends. */
  readonly stdin: Writable;
  /** Until the process ends; to be read once, with backpressure. */
  readonly output: AsyncIterable<Output>;
  /** Resolves after `output` ended. `undefined` when the engine does not tell. */
  exitCode(signal?: AbortSignal): Promise<number | undefined>;
  /** A no-op once the process is gone. */
  resize(size: TtySize, signal?: AbortSignal): Promise<void>;
  /** Its process id on the engine's machine; `undefined` when it does not run. */
  hostPid(signal?: AbortSignal): Promise<number | undefined>;
}

/** A file for a container. `path` is absolute; parents are made with mode 0755. */
export type FileEntry = {
  readonly path: string;
  readonly content: Uint8Array;
  /** Permission bits; default 0o644. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
};

/** Streams in and out of containers. `id` is an engine id or a name. */
export interface ContainerIo {
  /** Demultiplexed log, with backpressure; `signal` ends it without an error.
   * @throws StatusError `NotFound`; `ServiceUnavailable` when the stream was cut. */
  logs(id: string, options: LogOptions, signal?: AbortSignal): AsyncIterable<Output>;
  /** Starts a process. @throws StatusError `NotFound`; `Conflict` when the container does not run. */
  exec(id: string, options: ExecOptions, signal?: AbortSignal): Promise<Session>;
  /** Joins the main process: output from now on, and its stdin if it was created with one. */
  attach(id: string, options: { readonly stdin?: boolean }, signal?: AbortSignal): Promise<Session>;
  /** Writes files; works on created, running and stopped containers. */
  putFiles(id: string, files: readonly FileEntry[], signal?: AbortSignal): Promise<void>;
  /** Unpacks a tar stream below the existing directory `path`. */
  putArchive(id: string, path: string, tar: Readable, signal?: AbortSignal): Promise<void>;
  /** What differs from the image, in the engine's order. @throws StatusError `NotFound` */
  changes(id: string, signal?: AbortSignal): Promise<readonly FileChange[]>;
  /** Links are not followed. `undefined` when there is no such path, or no such container. */
  statPath(id: string, path: string, signal?: AbortSignal): Promise<PathStat | undefined>;
  /** A tar stream of `path`. @throws StatusError `NotFound` for the container or the path. */
  getArchive(id: string, path: string, signal?: AbortSignal): Promise<Readable>;
  /**
   * One reading; `undefined` when it does not run or is gone. Engines before 25.0 answer at their next
   * tick, up to a second later, and read all containers that are asked for in one tick: ask at once.
   */
  stats(id: string, signal?: AbortSignal): Promise<ContainerStats | undefined>;
}

/** An image that the engine holds. */
export type ImageDetail = {
  /** `sha256:...` of its configuration. */
  readonly id: string;
  /** Content addresses by repository, e.g. `registry.test/web@sha256:...`; empty for a local image. */
  readonly digests: readonly string[];
  readonly tags: readonly string[];
  readonly sizeBytes: number;
  readonly os: string;
  readonly arch: string;
  /** Ports that the image declares, e.g. `80/tcp`. */
  readonly exposedPorts: readonly string[];
  readonly hasHealthcheck: boolean;
  /** Who its process runs as: `uid`, `uid:gid` or names; empty for root. */
  readonly user: string;
};

/** Login to one registry; sent with the pull and never stored or logged. */
export type RegistryAuth = {
  readonly username: string;
  readonly password: string;
  /** e.g. `registry.test:5000`. */
  readonly serverAddress: string;
};

/** A step of a pull. Bytes are absent while the engine does not know them. */
export type PullProgress = {
  /** Short id of a layer, or the tag; absent on overall messages. */
  readonly id?: string;
  /** e.g. `Downloading`, `Pull complete`. */
  readonly status: string;
  readonly currentBytes?: number;
  readonly totalBytes?: number;
};

/** Images of one engine. `reference` is `repo[:tag][@sha256:...]` or an image id. */
export interface Images {
  /** `undefined` when the engine does not hold it. */
  inspect(reference: string, signal?: AbortSignal): Promise<ImageDetail | undefined>;
  /** Resolves a reference at its registry without pulling: `sha256:...` of the manifest.
   * @throws StatusError `NotFound`, `Unauthorized`, `ServiceUnavailable`. */
  resolve(reference: string, auth?: RegistryAuth, signal?: AbortSignal): Promise<string>;
  /** Pulls; the iteration drives it and ends when the image is there.
   * @throws StatusError `NotFound`, `Unauthorized`, `ServiceUnavailable` with the registry's words. */
  pull(reference: string, auth?: RegistryAuth, signal?: AbortSignal): AsyncIterable<PullProgress>;
  /** Makes a one-layer image of a tar of its root directory; resolves to its id. `changes` are
   * Dockerfile lines such as `CMD ["/bin/web"]`. */
  import(
    reference: string,
    tar: Uint8Array,
    changes: readonly string[],
    signal?: AbortSignal,
  ): Promise<string>;
  /** Drops the reference, and the image with its last one; resolves also when it is absent.
   * @throws StatusError `Conflict` while a container uses it. */
  remove(reference: string, signal?: AbortSignal): Promise<void>;
}

/** Named volumes of one engine; they are made by the containers that mount them. */
export interface Volumes {
  /** Resolves also when it is absent. @throws StatusError `Conflict` while a container uses it. */
  remove(name: string, signal?: AbortSignal): Promise<void>;
}

/** A change that the engine reports. Events may repeat after a reconnect: treat them as hints. */
export type EngineEvent =
  | {
      readonly type: "container";
      /** Docker's action without its argument: `create`, `start`, `die`, `oom`, `destroy`, `rename`,
       * `health_status`, `exec_die`... */
      readonly action: string;
      readonly id: string;
      /** Name, image, labels, `exitCode` and the like; for `health_status` also `health`. */
      readonly attributes: Readonly<Record<string, string>>;
      /** Milliseconds since the epoch, by the engine's clock. */
      readonly atMs: number;
    }
  | {
      readonly type: "image";
      readonly action: string;
      readonly id: string;
      readonly attributes: Readonly<Record<string, string>>;
      readonly atMs: number;
    }
  /** The stream is (again) live, and changes before this moment may have been missed: list. */
  | { readonly type: "resync" }
  /** The stream was lost; the driver keeps reconnecting with back-off. */
  | { readonly type: "lost"; readonly error: Error };

/**
 * One Docker host.
 *
 * Guarantees, each a case of `test/conformance/engine.ts`: every call ends, at the latest by its
 * deadline (`Timeout`); absence on a read is `undefined`; every other failure is a `StatusError`
 * (`ServiceUnavailable` naming the endpoint and the way out when it does not answer); an aborted
 * signal rejects with its reason. Calls that change a container are bounded in number per engine.
 * Not promised: order between concurrent calls, or what became of a call that timed out.
 */
export interface Engine extends AsyncDisposable {
  /** The address it was opened with, e.g. `unix:///run/docker.sock`. */
  readonly endpoint: string;
  readonly containers: Containers;
  readonly io: ContainerIo;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly upkeep: Upkeep;
  readonly networks: Networks;
  readonly passThrough: PassThrough;
  /**
   * Connects to an address as the engine's machine sees it; absent where the way to it does not carry
   * that. @throws StatusError `Forbidden` when the machine does not do it; Error with its words
   */
  readonly forward?: (to: { readonly host: string; readonly port: number }) => Promise<Duplex>;
  /** @throws StatusError `ServiceUnavailable`, `Forbidden` when the socket may not be opened. */
  info(signal?: AbortSignal): Promise<EngineInfo>;
  /** The cheapest question there is: resolves when the engine answers at all, within seconds.
   * @throws StatusError `ServiceUnavailable`, or `Timeout` of an engine that hangs. */
  ping(signal?: AbortSignal): Promise<void>;
  /** Live changes of containers and images until `signal` aborts; then it ends without an error.
   * Starts with `resync` once connected, reconnects by itself and says `resync` after each gap. */
  events(signal: AbortSignal): AsyncIterable<EngineEvent>;
}
