import type {
  Memory,
  MissingSeen,
  PodSeen,
  RevisionSeen,
  Seen,
  Slot,
  Strategy,
} from "../../controllers/application/seen.ts";
import type { Mark, Order, Plan, Step } from "../../controllers/application/step.ts";

/** How the containers of a template behave. */
export type Behaviour =
  | "good"
  /** Ends as soon as it was started. */
  | "crashes"
  /** Runs and never gets ready. */
  | "hangs"
  /** Its image cannot be fetched. */
  | "unpullable"
  /** Gets ready, and ends when it is told to (see `trip`). */
  | "fragile";

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };
/** A pod as the simulation keeps it. */
export type SimPod = Mutable<PodSeen>;

/** What the user asked for. */
export type Wish = {
  hash: string;
  replicas: number;
  /** One slot on every Node, instead of `replicas`. */
  perNode: boolean;
  running: boolean;
  paused: boolean;
  retryMs?: number;
  approved?: string;
  /** What the template reloads on and is not there. */
  missing?: readonly MissingSeen[];
};

/** A strategy for tests; seconds are short because time is simulated. */
export const testStrategy: Strategy = {
  batch: 1,
  order: "StopFirst",
  canary: 0,
  manualApproval: false,
  prepare: true,
  minReadyMs: 5_000,
  monitorMs: 30_000,
  pauseMs: 0,
  deadlineMs: 600_000,
  tolerated: 0,
  onFailure: "Rollback",
  offlineNodes: "Skip",
};

const nodeNames: readonly string[] = ["node-0", "node-1", "node-2", "node-3"];

function isNewer(one: PodSeen, other: PodSeen): boolean {
  return one.createdAtMs === other.createdAtMs
    ? one.name > other.name
    : one.createdAtMs > other.createdAtMs;
}

/**
 * A cluster without I/O: pods, hosts, agents that keep the hand-over contract of `replaces`, and
 * time that only moves when told. The agent's rules are written anew here, so that the planner is
 * not tested against itself.
 */
export class RolloutWorld {
  nowMs = 1_700_000_000_000;
  readonly wish: Wish;
  readonly strategy: Strategy;
  readonly behaviours = new Map<string, Behaviour>();
  readonly pods = new Map<string, SimPod>();
  readonly offline = new Set<string>();
  readonly cordoned = new Set<string>();
  /** Nodes that have joined. */
  readonly nodes = new Set<string>(nodeNames);
  revisions: RevisionSeen[] = [];
  memory: Memory = {};
  #uids = 0;

  constructor(wish: Partial<Wish>, strategy: Partial<Strategy> = {}) {
    this.wish = {
      hash: "v1",
      replicas: 3,
      perNode: false,
      running: true,
      paused: false,
      ...wish,
    };
    this.strategy = { ...testStrategy, ...strategy };
  }

  /** Slots of ordinals, as for `spec.replicas`, or of Nodes, as for `spec.placement.perNode`. */
  get slots(): readonly Slot[] {
    if (this.wish.perNode) {
      const nodes = nodeNames.filter((node) => this.nodes.has(node) && this.#mayHold(node));
      return nodes.map((node) => ({ id: node, node }));
    }
    return Array.from({ length: this.wish.replicas }, (_, ordinal) => ({ id: String(ordinal) }));
  }

  /** What the controller would see now. */
  seen(): Seen {
    const { retryMs, approved, replicas: _replicas, perNode: _perNode, ...wish } = this.wish;
    return {
      name: "web",
      ...wish,
      ...(retryMs === undefined ? {} : { retryMs }),
      ...(approved === undefined ? {} : { approved }),
      historyLimit: 3,
      strategy: this.strategy,
      slots: this.slots,
      pods: [...this.pods.values()]
        .map((pod) => ({
          ...pod,
          offline: this.offline.has(pod.node ?? ""),
          fits: pod.fits && !this.cordoned.has(pod.node ?? ""),
        }))
        .toSorted((one, other) => (one.name < other.name ? -1 : 1)),
      revisions: this.revisions,
      offlineNodes: new Set(this.wish.perNode ? this.offline : []),
      memory: this.memory,
    };
  }

  behaviourOf(pod: PodSeen): Behaviour {
    const hash = this.revisions.find(({ name }) => name === pod.revision)?.hash ?? "";
    return this.behaviours.get(hash) ?? "good";
  }

  /** What the agent works towards: a pod yields its place to a successor that is asked to run. */
  isToRun(pod: PodSeen): boolean {
    if (pod.desired !== "Running" || pod.terminating || pod.finished) return false;
    return ![...this.pods.values()].some(
      (other) =>
        other !== pod &&
        other.node === pod.node &&
        !other.terminating &&
        !other.finished &&
        other.desired === "Running" &&
        other.replaces === pod.name &&
        (pod.replaces !== other.name || isNewer(other, pod)),
    );
  }

  /** Slots that serve now and are not on their way out. */
  available(): number {
    const serving = [...this.pods.values()].filter(
      (pod) => pod.ready && this.isToRun(pod) && !this.offline.has(pod.node ?? ""),
    );
    const slots = new Set(serving.map(({ slot }) => slot));
    return this.slots.filter(({ id }) => slots.has(id)).length;
  }

  /** Slots that have no pod on a host that is away. */
  reachable(): number {
    const away = [...this.pods.values()].filter((pod) => this.offline.has(pod.node ?? ""));
    const slots = new Set(away.map(({ slot }) => slot));
    const isAway = (node = ""): boolean => this.offline.has(node);
    return this.slots.filter(({ id, node }) => !slots.has(id) && !isAway(node)).length;
  }

  /** Does one thing that an API call would do. */
  apply(act: Step | Order): void {
    if (!("kind" in act)) return this.#obey(act);
    switch (act.kind) {
      case "createRevision":
        return this.#createRevision(act);
      case "markRevision":
        return this.#mark(act.name, act.mark);
      case "deleteRevision":
        this.revisions = this.revisions.filter(({ name }) => name !== act.name);
        return;
      case "createPod":
        return this.#createPod(act);
      case "order":
        for (const order of act.orders) this.#obey(order);
        return;
      case "deletePod":
        return this.delete(act.name, act.uid);
    }
  }

  #createRevision(step: Extract<Step, { kind: "createRevision" }>): void {
    if (this.revisions.some(({ name }) => name === step.name)) return;
    const { name, number, hash, images } = step;
    this.revisions = [...this.revisions, { name, uid: `r${number}`, number, hash, images }];
  }

  #mark(name: string, mark: Mark): void {
    this.revisions = this.revisions.map((revision) =>
      revision.name === name
        ? { name, uid: revision.uid, number: revision.number, hash: revision.hash, ...mark }
        : revision,
    );
  }

  #createPod(step: Extract<Step, { kind: "createPod" }>): void {
    if (this.pods.has(step.name)) return;
    this.#uids += 1;
    this.pods.set(step.name, {
      name: step.name,
      uid: `u${this.#uids}`,
      slot: step.slot,
      revision: step.revision,
      ...(step.node === undefined ? {} : { node: step.node }),
      ...(step.replaces === undefined ? {} : { replaces: step.replaces }),
      desired: step.desired,
      terminating: false,
      offline: false,
      misplaced: false,
      fits: true,
      prepared: false,
      up: false,
      ready: false,
      createdAtMs: Math.floor(this.nowMs / 1000) * 1000,
      restarts: 0,
      ended: false,
      hostRestarted: false,
      finished: false,
      succeeded: false,
      digests: [],
    });
  }

  #obey(order: Order): void {
    const pod = this.pods.get(order.pod);
    if (pod === undefined || pod.uid !== order.uid || pod.desired !== order.from) return;
    pod.desired = order.to;
    if (order.to !== "Running") return;
    delete pod.replaces;
    if (order.replaces !== undefined) pod.replaces = order.replaces;
  }

  /** Deletes a pod, as a user or the controller does; its agent removes it later. */
  delete(name: string, uid?: string): void {
    const pod = this.pods.get(name);
    if (pod === undefined || (uid !== undefined && pod.uid !== uid)) return;
    pod.terminating = true;
  }

  /** Every single act of a plan in order, orders one by one: a crash may come between any two. */
  actsOf(plan: Plan): readonly (Step | Order)[] {
    return plan.steps.flatMap((step): readonly (Step | Order)[] =>
      step.kind === "order" ? step.orders : [step],
    );
  }

  #setReady(pod: SimPod, ready: boolean): void {
    pod.ready = ready;
  }

  #stop(pod: SimPod): void {
    pod.up = false;
    pod.ended = false;
    this.#setReady(pod, false);
  }

  /** Lets the scheduler or the agent of a pod do its next small thing; `false` when there is none. */
  act(name: string): boolean {
    const pod = this.pods.get(name);
    if (pod === undefined || this.offline.has(pod.node ?? "")) return false;
    if (pod.terminating) return this.#finalize(pod);
    if (pod.node === undefined) {
      return this.#bind(pod);
    }
    if (!pod.prepared) return this.#prepare(pod);
    if (!this.isToRun(pod)) {
      if (!pod.up && !pod.ready && !pod.ended) return false;
      this.#stop(pod);
      return true;
    }
    return this.#run(pod);
  }

  /** The Node of the slot's number, or the next that takes pods. */
  #bind(pod: SimPod): boolean {
    const at = Number(pod.slot) % nodeNames.length;
    const names = [...nodeNames.slice(at), ...nodeNames.slice(0, at)];
    const node = names.find((name) => this.nodes.has(name) && !this.cordoned.has(name));
    if (node === undefined) {
      const isNews = pod.trouble === undefined;
      pod.trouble = { reason: "Unschedulable", message: "4 node(s) were unschedulable" };
      return isNews;
    }
    pod.node = node;
    delete pod.trouble;
    return true;
  }

  /** `kubectl drain`: no pod comes any more, and those that are there are asked to leave. */
  drain(node: string): void {
    this.cordoned.add(node);
    for (const pod of this.pods.values()) {
      if (pod.node === node && !pod.terminating) pod.evicting = true;
    }
  }

  /** `kubectl uncordon`, and nobody asks for evictions any more. */
  uncordon(node: string): void {
    this.cordoned.delete(node);
    for (const pod of this.pods.values()) if (pod.node === node) delete pod.evicting;
  }

  /** What the node controller does about a Node that stays away: its pods are deleted, and stay. */
  abandon(node: string): void {
    for (const pod of this.pods.values()) if (pod.node === node) pod.terminating = true;
  }

  /** A cordoned Node keeps the slot that it has, and gets none. */
  #mayHold(node: string): boolean {
    if (!this.cordoned.has(node)) return true;
    return [...this.pods.values()].some((pod) => pod.node === node && !pod.terminating);
  }

  /** The Node leaves the cluster: its pods are gone with it. */
  leave(node: string): void {
    this.nodes.delete(node);
    for (const [name, pod] of this.pods) if (pod.node === node) this.pods.delete(name);
  }

  /** The Node joins the cluster, with no pod of ours. */
  join(node: string): void {
    this.nodes.add(node);
  }

  /** Every Node is there, answers and takes pods. */
  restoreNodes(): void {
    this.offline.clear();
    for (const node of this.cordoned) this.uncordon(node);
    for (const node of nodeNames) this.join(node);
  }

  /** The host is started anew: what ran on it has ended, which says nothing about it. */
  reboot(node: string): void {
    for (const pod of this.pods.values()) {
      if (pod.node !== node || !pod.up) continue;
      pod.hostRestarted = true;
      this.#stop(pod);
    }
  }

  #finalize(pod: SimPod): boolean {
    if (pod.up) this.#stop(pod);
    else this.pods.delete(pod.name);
    return true;
  }

  #prepare(pod: SimPod): boolean {
    if (this.behaviourOf(pod) === "unpullable") return false;
    pod.prepared = true;
    const { hash = "" } = this.revisions.find(({ name }) => name === pod.revision) ?? {};
    pod.digests = [{ image: "web", digest: `sha256:${hash}` }];
    return true;
  }

  #run(pod: SimPod): boolean {
    const before = this.pods.get(pod.replaces ?? "");
    if (!pod.up && before?.up === true && before.node === pod.node) {
      this.#stop(before);
      return true;
    }
    const behaviour = this.behaviourOf(pod);
    if (behaviour === "crashes") return this.#crash(pod);
    if (pod.up && (pod.ready || behaviour === "hangs")) return false;
    if (pod.up) this.#setReady(pod, true);
    pod.up = true;
    return true;
  }

  #crash(pod: SimPod): boolean {
    if (pod.ended && pod.restarts > 0) return false;
    pod.restarts += pod.ended ? 1 : 0;
    pod.ended = true;
    return true;
  }

  /** A container that serves ends and is started again, if its template is fragile. */
  trip(name: string): void {
    const pod = this.pods.get(name);
    if (pod === undefined || !pod.ready || this.behaviourOf(pod) !== "fragile") return;
    pod.restarts += 1;
    this.#setReady(pod, false);
  }

  /** Lets every agent work until none has anything to do. */
  settleAgents(): void {
    for (let round = 0; round < 20; round += 1) {
      const moved = [...this.pods.keys()].filter((name) => this.act(name));
      if (moved.length === 0) return;
    }
  }
}
