import type { Draft, KubeObject, ObjectKey } from "../machinery/object.ts";
import type { Resource } from "../machinery/resources.ts";

/** Which objects. Without `namespace`, a namespaced kind is read in all namespaces. */
export type ListOptions = {
  readonly namespace?: string;
  /** Text form, e.g. `app=web,tier!=cache`. */
  readonly labelSelector?: string;
  /** Text form, e.g. `spec.nodeName=host-1`. */
  readonly fieldSelector?: string;
};

/** A whole collection at one moment. */
export type List<T extends KubeObject> = {
  readonly items: readonly T[];
  /** Watch from here to see what changed after this list. */
  readonly resourceVersion: string;
};

/** One frame of a watch. A bookmark only moves the position. */
export type WatchFrame<T extends KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

/** How a body changes an object. `apply` is server-side apply and needs a field manager. */
export type Patch = {
  readonly type: "merge" | "json" | "strategic" | "apply";
  readonly body: unknown;
  readonly force?: boolean;
};

/** How a write is done; all optional. */
export type WriteOptions = {
  /** e.g. `status`, `scale`, `binding`. */
  readonly subresource?: string;
  readonly dryRun?: boolean;
  /** How unknown and duplicate fields are treated; the server's default is `Warn`. */
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict";
  /** The term in which a leader writes: see ADR 0017. Refused once somebody else leads. */
  readonly fence?: string;
};

/** How an object goes; the defaults are those of its kind. */
export type DeleteOptions = {
  /** Integer, 0 or more, in seconds. */
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  /** Delete only this incarnation and, if given, only this version of it. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  /** The term in which a leader writes: see ADR 0017. Refused once somebody else leads. */
  readonly fence?: string;
};

/** A call beside the object verbs: logs, discovery, the rollout stream. */
export type RawRequest = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Absolute path with query, e.g. `/api/v1/namespaces/shop/pods/web-0/log?follow=true`. */
  readonly path: string;
  readonly body?: unknown;
  readonly accept?: string;
};

/** The answer to a raw call; its status is below 400. */
export type RawResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Must be read to its end or destroyed. */
  readonly body: AsyncIterable<Uint8Array>;
};

/**
 * The public HTTP API, as controllers, agents and the CLI use it.
 *
 * Guarantees: absence is `undefined` on `get`; every other failure is a `StatusError` rebuilt from
 * the answer, or `ServiceUnavailable` when there was none. Reads and idempotent writes are retried
 * on 429 and 5xx with `Retry-After`; nothing else is. Not promised: caching, see `Informer`.
 */
export interface Client {
  get<T extends KubeObject>(
    type: Resource<T>,
    key: ObjectKey,
    signal?: AbortSignal,
  ): Promise<T | undefined>;
  /** The whole list, read page by page at one revision. */
  list<T extends KubeObject>(
    type: Resource<T>,
    options?: ListOptions,
    signal?: AbortSignal,
  ): Promise<List<T>>;
  /** @throws StatusError `AlreadyExists`, `Invalid`, `Forbidden`. A subresource posts to it (`binding`). */
  create<T extends KubeObject>(
    type: Resource<T>,
    object: Draft<T>,
    options?: WriteOptions,
  ): Promise<T>;
  /** PUT guarded by `metadata.resourceVersion`. @throws StatusError `Conflict`, `NotFound`. */
  replace<T extends KubeObject>(type: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  /** @throws StatusError `NotFound`, `Invalid`; `Conflict` if the body names a resourceVersion. */
  patch<T extends KubeObject>(
    type: Resource<T>,
    key: ObjectKey,
    patch: Patch,
    options?: WriteOptions,
  ): Promise<T>;
  /** Resolves also when the object is already gone. @throws StatusError `Conflict` on preconditions. */
  delete<T extends KubeObject>(
    type: Resource<T>,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<void>;
  /** Frames after `resourceVersion` until the server ends the stream or `signal` aborts.
   * @throws StatusError `Expired`: list again. */
  watch<T extends KubeObject>(
    type: Resource<T>,
    options: ListOptions & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncIterable<WatchFrame<T>>;
  /** Any other endpoint; a status of 400 or more throws like the verbs above. */
  raw(request: RawRequest, signal?: AbortSignal): Promise<RawResponse>;
}
