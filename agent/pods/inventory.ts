import { keyText, type ObjectKey, parseKey } from "../../api/machinery/object.ts";
import { containerLabel, relayRole } from "../../crds/labels.ts";
import type { ContainerDetail, ContainerSummary, Engine, EngineEvent } from "../engine/engine.ts";
import type { ContainerFact } from "./facts.ts";

/** The pod that a container says it belongs to. */
export type Owner = { readonly uid: string; readonly key: ObjectKey };

/**
 * What one engine holds of ours, kept by events: one list at the start and after each gap, then an
 * inspect by id of what an event touched. The list costs the engine more with every container, an
 * inspect does not.
 */
export interface Inventory {
  /** Lists again; resolves to everybody who has a container. */
  resync(signal: AbortSignal): Promise<readonly Owner[]>;
  /** Takes a change in; whose pod it concerns, or `undefined` when it says nothing new of ours. */
  take(event: EngineEvent): Owner | undefined;
  /** The containers of a pod as they are now. */
  of(uid: string, signal: AbortSignal): Promise<readonly ContainerFact[]>;
  /** Keys of all pods that have containers, as far as is known. */
  keys(): readonly ObjectKey[];
  /** Uids of all pods of that name that have containers. */
  uidsOf(key: ObjectKey): readonly string[];
  /** Ids of the containers of that name that a pod has, the newest first. */
  idsOf(uid: string, container: string): readonly string[];
  /** A container that we made, known before its event arrives. */
  add(owner: Owner, id: string, container: string): void;
  /** Something was done to it: look again. */
  touch(id: string): void;
  /** It was removed by us. */
  drop(id: string): void;
  /** Exit code that the engine announced for the latest run of a pod's container. */
  exitCode(uid: string, container: string): number | undefined;
  /** The engine was away until the latest `resync`: notes who went down with it. */
  noteOutage(): void;
  /** Whether a container went down in the latest outage, and was not started since. Where any of ours
   * survived, the engine's restart took none along: those that ended did so by themselves. */
  fell(id: string): boolean;
  /** The pod is done with: nothing of it needs to be remembered. */
  forget(uid: string): void;
}

type Entry = {
  readonly owner: Owner;
  /** Name in the pod's spec. */
  readonly container: string;
  fact: ContainerFact | undefined;
  dirty: boolean;
};

/** The owner that a container's labels name, if it is of this control plane and of the pod's spec. */
export function ownerOf(
  labels: Readonly<Record<string, string>>,
  cluster: string,
): Owner | undefined {
  const uid = labels[containerLabel.podUid];
  const namespace = labels[containerLabel.podNamespace];
  const name = labels[containerLabel.podName];
  if (labels[containerLabel.cluster] !== cluster || uid === undefined || name === undefined)
    return undefined;
  // No container of the spec. By the label that all of ours have: others may come from an image.
  if (labels[containerLabel.role] === relayRole) return undefined;
  return { uid, key: { namespace: namespace ?? "default", name } };
}

const containerOf = (labels: Readonly<Record<string, string>>): string =>
  labels[containerLabel.container] ?? "";

const networkPrefix = "container:";

/** The inspect of a container, reduced. */
export function factOf(detail: ContainerDetail): ContainerFact {
  const { state, labels, networkMode } = detail;
  const joined = networkMode.startsWith(networkPrefix);
  return {
    id: detail.id,
    dockerName: detail.name,
    name: containerOf(labels),
    specHash: labels[containerLabel.specHash] ?? "",
    state: state.phase,
    ...(state.startedAtMs === undefined ? {} : { startedAtMs: state.startedAtMs }),
    ...(state.finishedAtMs === undefined ? {} : { finishedAtMs: state.finishedAtMs }),
    exitCode: state.exitCode,
    oomKilled: state.oomKilled,
    error: state.error,
    ...(state.health === undefined ? {} : { health: state.health.status }),
    imageId: detail.imageId,
    // People may join it to further networks.
    ip: detail.addresses[networkMode] ?? Object.values(detail.addresses)[0] ?? "",
    ...(joined ? { networkOf: networkMode.slice(networkPrefix.length) } : {}),
  };
}

function idsIn(
  rows: readonly ContainerSummary[],
  phases: readonly ContainerSummary["phase"][],
): readonly string[] {
  return rows.filter(({ phase }) => phases.includes(phase)).map(({ id }) => id);
}

/** Actions after which a container may be another than we know. */
const telling = new Set([
  "create",
  "start",
  "die",
  "oom",
  "destroy",
  "pause",
  "unpause",
  "rename",
  "health_status",
]);

type Health = NonNullable<ContainerFact["health"]>;

class EventInventory implements Inventory {
  readonly #engine: Engine;
  readonly #cluster: string;
  readonly #entries = new Map<string, Entry>();
  readonly #byUid = new Map<string, Set<string>>();
  readonly #byKey = new Map<string, Set<string>>();
  readonly #exitCodes = new Map<string, Map<string, number>>();
  /** Ids that ran at the latest list, and those whose run was over. */
  #up: readonly string[] = [];
  #down: readonly string[] = [];
  #fallen = new Set<string>();

  constructor(engine: Engine, cluster: string) {
    this.#engine = engine;
    this.#cluster = cluster;
  }

  async resync(signal: AbortSignal): Promise<readonly Owner[]> {
    const rows = await this.#engine.containers.list(
      { [containerLabel.cluster]: this.#cluster },
      signal,
    );
    this.#up = idsIn(rows, ["running", "paused", "restarting"]);
    this.#down = idsIn(rows, ["exited", "dead"]);
    const present = new Set(rows.map(({ id }) => id));
    const owners = new Map<string, Owner>();
    for (const [id, { owner }] of this.#entries) {
      owners.set(owner.uid, owner);
      if (!present.has(id)) this.drop(id);
    }
    for (const { id, labels } of rows) {
      const owner = ownerOf(labels, this.#cluster);
      if (owner === undefined) continue;
      owners.set(owner.uid, owner);
      this.add(owner, id, containerOf(labels));
    }
    return [...owners.values()];
  }

  take(event: EngineEvent): Owner | undefined {
    if (event.type !== "container" || !telling.has(event.action)) return undefined;
    const owner = ownerOf(event.attributes, this.#cluster);
    if (owner === undefined) return undefined;
    const { attributes } = event;
    if (event.action === "die")
      this.#noteExit(owner.uid, containerOf(attributes), attributes["exitCode"]);
    return this.#isNews(event.id, owner, event) ? owner : undefined;
  }

  /** Our own creates and starts come back as events: they need no second look. */
  #isNews(id: string, owner: Owner, event: EngineEvent & { readonly type: "container" }): boolean {
    const entry = this.#entries.get(id);
    if (event.action === "destroy") {
      this.drop(id);
      return entry !== undefined;
    }
    if (entry === undefined) {
      this.add(owner, id, containerOf(event.attributes));
      return true;
    }
    if (event.action === "create") return false;
    if (event.action === "start") this.#fallen.delete(id);
    const { fact, dirty } = entry;
    const known = fact !== undefined && !dirty;
    if (event.action === "start" && known && fact.state === "running") return false;
    if (event.action === "health_status" && known)
      entry.fact = { ...fact, health: event.attributes["health"] as Health };
    else entry.dirty = true;
    return true;
  }

  #noteExit(uid: string, container: string, exitCode: string | undefined): void {
    if (exitCode === undefined) return;
    const codes = this.#exitCodes.get(uid) ?? new Map<string, number>();
    this.#exitCodes.set(uid, codes.set(container, Number(exitCode)));
  }

  async of(uid: string, signal: AbortSignal): Promise<readonly ContainerFact[]> {
    const ids = [...(this.#byUid.get(uid) ?? [])];
    const facts = await Promise.all(ids.map((id) => this.#look(id, signal)));
    return facts.filter((fact) => fact !== undefined);
  }

  async #look(id: string, signal: AbortSignal): Promise<ContainerFact | undefined> {
    const entry = this.#entries.get(id);
    if (entry === undefined || !entry.dirty) return entry?.fact;
    entry.dirty = false; // before the look: an event during it asks for another one
    try {
      const detail = await this.#engine.containers.inspect(id, signal);
      if (detail === undefined) {
        this.drop(id);
        return undefined;
      }
      entry.fact = factOf(detail);
      return entry.fact;
    } catch (err) {
      entry.dirty = true;
      throw err;
    }
  }

  keys(): readonly ObjectKey[] {
    return [...this.#byKey.keys()].map(parseKey);
  }

  uidsOf(key: ObjectKey): readonly string[] {
    return [...(this.#byKey.get(keyText(key)) ?? [])];
  }

  idsOf(uid: string, container: string): readonly string[] {
    const ids = [...(this.#byUid.get(uid) ?? [])].reverse();
    return ids.filter((id) => this.#entries.get(id)?.container === container);
  }

  add(owner: Owner, id: string, container: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) {
      entry.dirty = true;
      return;
    }
    this.#entries.set(id, { owner, container, fact: undefined, dirty: true });
    this.#byUid.set(owner.uid, (this.#byUid.get(owner.uid) ?? new Set()).add(id));
    const text = keyText(owner.key);
    this.#byKey.set(text, (this.#byKey.get(text) ?? new Set()).add(owner.uid));
  }

  touch(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.dirty = true;
  }

  drop(id: string): void {
    const owner = this.#entries.get(id)?.owner;
    if (owner === undefined) return;
    this.#entries.delete(id);
    const ids = this.#byUid.get(owner.uid);
    ids?.delete(id);
    if (ids !== undefined && ids.size > 0) return;
    this.#byUid.delete(owner.uid);
    const text = keyText(owner.key);
    const uids = this.#byKey.get(text);
    uids?.delete(owner.uid);
    if (uids?.size === 0) this.#byKey.delete(text);
  }

  exitCode(uid: string, container: string): number | undefined {
    return this.#exitCodes.get(uid)?.get(container);
  }

  noteOutage(): void {
    this.#fallen = new Set(this.#up.length > 0 ? [] : this.#down);
  }

  fell(id: string): boolean {
    return this.#fallen.has(id);
  }

  forget(uid: string): void {
    this.#exitCodes.delete(uid);
  }
}

/** An inventory of one engine, empty until its first `resync`. */
export function createInventory(engine: Engine, cluster: string): Inventory {
  return new EventInventory(engine, cluster);
}
