import type { Cache, Change, Indexes } from "../../api/client/informer.ts";
import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import type { KubeObject, ObjectKey } from "../../api/machinery/object.ts";
import type { Resource } from "../../api/machinery/resources.ts";

/** Waiting is a result: come back after this time, or at the next change. Integer, milliseconds. */
export type Result = { readonly requeueAfterMs?: number };

/**
 * Brings one object's world closer to what was asked for. It gets a key, never an event, and may
 * be called any number of times. A rejection is retried with back-off; `terminal(err)` is not.
 */
export interface Reconciler {
  reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result>;
}

/**
 * Which keys a changed object concerns. Called with the state before and after each change, and
 * with every object, as `added`, when the controller starts to work.
 */
export type Source<T extends KubeObject = KubeObject> = {
  readonly type: Resource<T>;
  keysOf(object: T, change: Change<T>["type"]): readonly ObjectKey[];
};

/** A source that was added while the manager runs. */
export type Followed = {
  readonly cache: Cache<KubeObject>;
  /** Whether the cache was filled once. */
  readonly isSynced: () => boolean;
  /** Ends it; the informer too, when nobody else reads the kind. */
  readonly stop: () => void;
};

/** Adds a source while the manager runs, e.g. for a kind that was installed just now. */
export type Follow = (source: Source, indexes?: Indexes<KubeObject>) => Followed;

/** A leveled logger: fixed message, variable data as keys. pino's Logger fits. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Tells users what happened to an object, as a core/v1 Event; repeats are counted, not repeated. */
export interface Recorder {
  event(
    about: KubeObject,
    event: {
      readonly type: "Normal" | "Warning";
      readonly reason: string;
      readonly message: string;
    },
  ): void;
}

/** Shared caches, one informer per kind however many controllers read it. */
export interface Caches {
  /** The cache of a kind; asked for while controllers are built, filled once the manager runs. */
  of<T extends KubeObject>(type: Resource<T>, indexes?: Indexes<T>): Cache<T>;
}

/** What a controller is built from. */
export type Context = {
  readonly client: Client;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly log: Log;
};

/** A controller as a value. `controllers/main.ts` refuses two that own the same thing. */
export type Controller = {
  readonly name: string;
  /** What it alone writes, e.g. `applications.lighthouse.dev/status`. */
  readonly owns: readonly string[];
  readonly sources: readonly Source[];
  /** Finds further sources until the signal aborts; runs as long as the manager. */
  readonly findSources?: (follow: Follow, signal: AbortSignal) => Promise<void>;
  readonly reconciler: Reconciler;
  /** How many keys are worked on at once; one key never twice. Integer, default 4. */
  readonly workers?: number;
};

/** Builds a controller; asks `context.caches` for what it reads. */
export type BuildController = (context: Context) => Controller;
