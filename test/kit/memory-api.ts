import type {
  Client,
  DeleteOptions,
  ListOptions,
  RawRequest,
  WatchFrame,
} from "../../api/client/client.ts";
import { alreadyExists, conflict, expired, notFound } from "../../api/machinery/errors.ts";
import { foregroundFinalizer, orphanFinalizer } from "../../api/machinery/finalizer.ts";
import { matchesFields, parseFieldSelector } from "../../api/machinery/field-selector.ts";
import {
  apiVersionOf,
  collectionPath,
  objectPath,
  type ResourceType,
  resourceText,
} from "../../api/machinery/gvk.ts";
import {
  type AnyObject,
  type DraftMeta,
  keyOf,
  type KubeObject,
  type ObjectKey,
} from "../../api/machinery/object.ts";
import { applyJsonPatch } from "../../api/machinery/patch-json.ts";
import { applyMergePatch } from "../../api/machinery/patch-merge.ts";
import { matchesLabels } from "../../api/machinery/selector.ts";
import { parseLabelSelector } from "../../api/machinery/selector-parse.ts";

/** What a call is about to do; the hook may throw to make it fail. */
export type MemoryCall = {
  readonly verb: "get" | "list" | "watch" | "create" | "replace" | "patch" | "delete";
  readonly type: ResourceType;
  readonly key?: ObjectKey;
  readonly subresource?: string;
};

/**
 * The object verbs of the API in memory, for unit tests of controllers: versions, preconditions,
 * finalizers, the status and binding subresources, and watches. No validation and no defaults;
 * what depends on those is tested against the real server. Of the raw calls it knows discovery
 * and the deletion of a collection.
 */
export interface MemoryApi extends Client {
  /** Called before each call takes effect. */
  before(hook: (call: MemoryCall) => void | Promise<void>): void;
  /** All live objects of a kind, by key. */
  all<T extends KubeObject>(type: ResourceType & { readonly objects?: (object: T) => T }): T[];
  /** Forgets the history: watches from before expire. */
  compact(): void;
}

/** A bound pod that is deleted with a grace period stays until its agent deletes it with none. */
function leaving({ kind, metadata, ...rest }: KubeObject): boolean {
  if (kind !== "Pod" || (metadata.deletionGracePeriodSeconds ?? 0) === 0) return false;
  return (rest as { readonly spec?: { readonly nodeName?: string } }).spec?.nodeName !== undefined;
}

/** How the memory behaves where servers differ. */
export type MemoryOptions = {
  /** Bound pods are deleted as on a real server: in two steps. Default false: at once. */
  readonly gracefulPods?: boolean;
  /** What discovery tells of. Default nothing. */
  readonly kinds?: readonly ResourceType[];
};

type Event = {
  readonly of: string;
  readonly frame: Extract<WatchFrame<AnyObject>, { object: AnyObject }>;
};

class Memory {
  readonly live = new Map<string, AnyObject>();
  readonly events: Event[] = [];
  revision = 0;
  floor = 0;
  wakers: (() => void)[] = [];

  put(type: ResourceType, draft: KubeObject): AnyObject {
    const path = objectPath(type, keyOf(draft));
    const before = this.live.get(path);
    this.revision += 1;
    const resourceVersion = String(this.revision);
    const object = structuredClone({ ...draft, metadata: { ...draft.metadata, resourceVersion } });
    const { deletionTimestamp, finalizers = [] } = object.metadata;
    const gone = deletionTimestamp !== undefined && finalizers.length === 0 && !leaving(object);
    if (gone) this.live.delete(path);
    else this.live.set(path, object);
    const changed = before === undefined ? "ADDED" : "MODIFIED";
    this.#tell(type, { type: gone ? "DELETED" : changed, object });
    return object;
  }

  #tell(type: ResourceType, frame: Event["frame"]): void {
    this.events.push({ of: resourceText(type), frame });
    const wakers = this.wakers;
    this.wakers = [];
    for (const wake of wakers) wake();
  }

  async *follow(type: ResourceType, from: number, signal: AbortSignal) {
    if (from < this.floor) throw expired("too old resource version");
    signal.addEventListener("abort", () => this.wakers.forEach((wake) => wake()), { once: true });
    for (let index = this.events.findIndex((event) => at(event) > from); !signal.aborted;) {
      const event = index < 0 ? undefined : this.events[index];
      if (event === undefined) {
        await new Promise<void>((resolve) => this.wakers.push(resolve));
        if (index < 0) index = this.events.findIndex((event) => at(event) > from);
        continue;
      }
      index += 1;
      if (event.of === resourceText(type)) yield event.frame;
    }
  }
}

const at = ({ frame }: Event): number => Number(frame.object.metadata.resourceVersion);

const deletions: Readonly<Record<string, string>> = {
  Foreground: foregroundFinalizer,
  Orphan: orphanFinalizer,
};

function graceOf(object: AnyObject, options: DeleteOptions & MemoryOptions): number {
  if (options.gracefulPods !== true || object.kind !== "Pod") return 0;
  const spec = object["spec"] as { readonly terminationGracePeriodSeconds?: number } | undefined;
  return options.gracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30;
}

function markDeleted(object: AnyObject, options: DeleteOptions & MemoryOptions): AnyObject {
  const { propagationPolicy } = options;
  const extra = deletions[propagationPolicy ?? ""];
  const finalizers = object.metadata.finalizers ?? [];
  return {
    ...object,
    metadata: {
      ...object.metadata,
      deletionTimestamp: object.metadata.deletionTimestamp ?? "2026-01-01T00:00:00Z",
      deletionGracePeriodSeconds: graceOf(object, options),
      finalizers: extra === undefined ? finalizers : [...new Set([...finalizers, extra])],
    },
  };
}

/** The text at a dotted path such as `spec.nodeName`, empty when there is none. */
function fieldText(object: KubeObject, path: string): string {
  const found = path
    .split(".")
    .reduce<unknown>((at, field) => (at as Record<string, unknown> | undefined)?.[field], object);
  return typeof found === "string" ? found : "";
}

function matches(
  object: KubeObject,
  { namespace, labelSelector, fieldSelector }: ListOptions,
): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const fields = parseFieldSelector(fieldSelector ?? "");
  if (!matchesFields(fields, (field) => fieldText(object, field))) return false;
  if (labelSelector === undefined) return true;
  return matchesLabels(parseLabelSelector(labelSelector), object.metadata.labels);
}

/** Discovery documents of the given kinds, as far as our controllers read them. */
function documentOf(kinds: readonly ResourceType[], path: string): unknown {
  if (path === "/apis") {
    const versions = kinds.filter(({ group }) => group !== "").map(apiVersionOf);
    return {
      groups: [...new Set(versions)].map((groupVersion) => ({ versions: [{ groupVersion }] })),
    };
  }
  const version = path.replace(/^\/apis?\//, "");
  const verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
  return {
    resources: kinds
      .filter((kind) => apiVersionOf(kind) === version)
      .map(({ plural: name, kind, namespaced }) => ({ name, kind, namespaced, verbs })),
  };
}

/** An API without objects. */
export function memoryApi({ gracefulPods = false, kinds = [] }: MemoryOptions = {}): MemoryApi {
  const memory = new Memory();
  let hook: (call: MemoryCall) => void | Promise<void> = () => undefined;
  const must = (type: ResourceType, key: ObjectKey): AnyObject => {
    const found = memory.live.get(objectPath(type, key));
    if (found === undefined) throw notFound(type, key.name);
    return found;
  };
  const bind = (type: ResourceType, pod: AnyObject, binding: AnyObject): AnyObject => {
    const spec = pod["spec"] as { readonly nodeName?: string };
    if (spec.nodeName !== undefined) throw conflict(type, pod.metadata.name, "already bound");
    const { name } = binding["target"] as { readonly name: string };
    return memory.put(type, { ...pod, spec: { ...spec, nodeName: name } } as KubeObject);
  };
  const write = (type: ResourceType, after: KubeObject, subresource?: string): AnyObject => {
    const before = must(type, keyOf(after));
    const { resourceVersion, uid } = after.metadata;
    const stale =
      resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion;
    if (stale || (uid !== undefined && uid !== before.metadata.uid)) {
      throw conflict(type, after.metadata.name);
    }
    const { status } = (subresource === "status" ? after : before) as { readonly status?: unknown };
    const merged = subresource === "status" ? { ...before, status } : { ...after, status };
    return memory.put(type, merged);
  };
  const finalize = (type: ResourceType, object: KubeObject): AnyObject => {
    const { spec } = object as { readonly spec?: { readonly finalizers?: readonly string[] } };
    const { finalizers = [] } = spec ?? {};
    // spec.finalizers hold a Namespace as metadata.finalizers do, and live among them here.
    return memory.put(type, { ...object, metadata: { ...object.metadata, finalizers } });
  };
  const deleteCollection = async (path: string): Promise<void> => {
    for (const type of kinds) {
      for (const object of api.all(type)) {
        const { namespace } = object.metadata;
        const ours = collectionPath(type, namespace) === path.split("?")[0];
        if (ours) await api.delete(type, keyOf(object));
      }
    }
  };
  const api = {
    before(next: typeof hook) {
      hook = next;
    },
    all: (type: ResourceType) =>
      [...memory.live.entries()]
        .filter(([, { kind }]) => kind === type.kind)
        .sort(([one], [two]) => (one < two ? -1 : 1))
        .map(([, object]) => object),
    compact() {
      memory.floor = memory.revision;
    },
    async get(type: ResourceType, key: ObjectKey) {
      await hook({ verb: "get", type, key });
      return memory.live.get(objectPath(type, key));
    },
    async list(type: ResourceType, options: ListOptions = {}) {
      await hook({ verb: "list", type });
      const items = api.all(type).filter((object) => matches(object, options));
      return { items, resourceVersion: String(memory.revision) };
    },
    async create(type: ResourceType, draft: AnyObject, { subresource = "" } = {}) {
      const { namespace, name } = draft.metadata as DraftMeta;
      const key = { name: name ?? "", ...(type.namespaced && namespace ? { namespace } : {}) };
      await hook({ verb: "create", type, key, subresource });
      if (subresource === "binding") return bind(type, must(type, key), draft);
      if (memory.live.has(objectPath(type, key))) throw alreadyExists(type, key.name);
      const uid = `uid-${memory.revision + 1}`;
      const given = { uid, creationTimestamp: "2026-01-01T00:00:00Z", generation: 1 };
      return memory.put(type, { ...draft, metadata: { ...given, ...draft.metadata, uid } });
    },
    async replace(type: ResourceType, object: KubeObject, { subresource = "" } = {}) {
      await hook({ verb: "replace", type, key: keyOf(object), subresource });
      if (subresource === "finalize") return finalize(type, object);
      return write(type, object, subresource);
    },
    async patch(
      type: ResourceType,
      key: ObjectKey,
      patch: { readonly type: string; readonly body: unknown },
      { subresource = "" } = {},
    ) {
      await hook({ verb: "patch", type, key, subresource });
      const before = must(type, key);
      const apply = patch.type === "json" ? applyJsonPatch : applyMergePatch;
      return write(type, apply(before, patch.body) as KubeObject, subresource);
    },
    async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}) {
      await hook({ verb: "delete", type, key });
      const before = memory.live.get(objectPath(type, key));
      if (before === undefined) return;
      const { uid = before.metadata.uid, resourceVersion = before.metadata.resourceVersion } =
        options.preconditions ?? {};
      const same =
        uid === before.metadata.uid && resourceVersion === before.metadata.resourceVersion;
      if (!same) throw conflict(type, key.name, "the preconditions do not match");
      memory.put(type, markDeleted(before, { ...options, gracefulPods }));
    },
    async *watch(
      type: ResourceType,
      options: ListOptions & { readonly resourceVersion: string },
      signal: AbortSignal,
    ) {
      await hook({ verb: "watch", type });
      for await (const frame of memory.follow(type, Number(options.resourceVersion), signal)) {
        if (matches(frame.object, options)) yield frame;
      }
    },
    async raw({ method, path }: RawRequest) {
      if (method === "DELETE") await deleteCollection(path);
      const bytes = Buffer.from(JSON.stringify(documentOf(kinds, path)));
      return { status: 200, headers: {}, body: ReadableStream.from([bytes]) };
    },
  };
  return api as unknown as MemoryApi;
}
