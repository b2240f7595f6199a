import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import {
  isAlreadyExists,
  isForbidden,
  isNotFound,
  StatusError,
  unavailable,
} from "../api/machinery/errors.ts";
import { equalJson } from "../api/machinery/equality.ts";
import { type Lease, leases, type Node, nodes } from "../api/machinery/resources.ts";
import { formatMicroTime } from "../api/machinery/time.ts";
import { annotation, label } from "../crds/labels.ts";
import { shared } from "./shared-read.ts";
import {
  changedStatus,
  type HostFacts,
  liveStatus,
  lostStatus,
  nodeAnnotations,
  nodeDraft,
  nodeLabels,
  nodeNames,
  providerId,
  type Silence,
  vanishedStatus,
} from "./node.ts";
import { claimable, withdrawals } from "./node-marks.ts";

/** Namespace of the heartbeats: where `kubectl describe node` looks for them (KEP-589). */
export const leaseNamespace = "kube-node-lease";
/** A Node whose lease is older than this many seconds is not heard of. */
export const leaseDurationSeconds = 40;
/** So long a Node stays ready after its agent said farewell: an upgrade is over by then. */
const farewellSeconds = 10;

/** Keeps the Nodes of one beacon in the API. The only writer of their status and labels. */
export interface NodeRegistry {
  /** Finds or makes the Node of an engine, and writes what it is now; resolves to its name. */
  register(facts: HostFacts, signal: AbortSignal): Promise<string>;
  /** The Node that was last reached at an endpoint, for an engine that has not answered yet. */
  knownAt(endpoint: string, signal: AbortSignal): Promise<string | undefined>;
  /** The engine does not answer; `message` names it and the way out. */
  reportLost(name: string, silence: Silence, signal: AbortSignal): Promise<void>;
  /** Discovery shows the host of this Node no more; `false` when that was told already. */
  reportVanished(node: Node, message: string): Promise<boolean>;
  /** The endpoint at which the engine of that ID was reached last; `undefined` without a Node. */
  endpointOf(engineId: string): Promise<string | undefined>;
  /** Every Node of this beacon. */
  own(): Promise<readonly Node[]>;
  /** Tells that the agent of this Node lives. */
  heartbeat(name: string, signal: AbortSignal): Promise<void>;
  /** Tells that the agent of this Node ends on purpose, unless another one has begun by then. */
  farewell(name: string): Promise<void>;
}

/** What a registry needs of the world. */
export type RegistryOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly beacon: string;
};

class ApiNodeRegistry implements NodeRegistry {
  readonly #options: RegistryOptions;
  readonly #own: () => Promise<readonly Node[]>;

  constructor(options: RegistryOptions) {
    const { client, beacon } = options;
    const labelSelector = `${label.beacon}=${beacon}`;
    this.#options = options;
    // An agent may have hundreds of hosts that all come at once.
    this.#own = shared(async () => (await client.list(nodes, { labelSelector })).items);
  }

  async register(facts: HostFacts, signal: AbortSignal): Promise<string> {
    const node = (await this.#find(facts)) ?? (await this.#create(facts, signal));
    const { name } = node.metadata;
    const labelled = await this.#relabel(node, facts);
    await this.#writeStatus(
      labelled,
      changedStatus(labelled, liveStatus(name, labelled, facts, this.#options.clock.nowMs())),
    );
    return name;
  }

  /** By its engine, whatever name it got when that was called something else. */
  async #find({ info }: HostFacts): Promise<Node | undefined> {
    const id = providerId(info);
    return (await this.#own()).find(({ spec }) => spec?.providerID === id);
  }

  async #create(facts: HostFacts, signal: AbortSignal): Promise<Node> {
    const { client } = this.#options;
    for (const name of nodeNames(facts.info, facts.name)) {
      try {
        return await client.create(nodes, nodeDraft(name, facts));
      } catch (err) {
        if (!isAlreadyExists(err)) throw err;
        const holder = await this.#look(name, signal);
        if (holder?.spec?.providerID === providerId(facts.info)) return this.#claim(holder, facts);
      }
    }
    throw unavailable(
      `Cannot register Docker engine at ${facts.endpoint}: the names ${nodeNames(facts.info, facts.name).join(" and ")} belong to other engines`,
    );
  }

  /** Two beacons must not run one engine: who came first keeps it until people decide. */
  #claim(node: Node, { endpoint }: HostFacts): Node {
    const owner = node.metadata.labels?.[label.beacon] ?? "";
    if (owner === "" || owner === this.#options.beacon) return node;
    const { name } = node.metadata;
    throw new StatusError(
      "Conflict",
      `Cannot run Docker engine at ${endpoint}: it is Node "${name}" of Beacon "${owner}"; ` +
        `remove that Node, or its label ${label.beacon}, to hand the engine over`,
    );
  }

  /** A Node that is ours, or nobody's and ours to claim; those of other beacons are not shown to us. */
  async #look(name: string, signal: AbortSignal): Promise<Node | undefined> {
    try {
      return await this.#options.client.get(nodes, { name }, signal);
    } catch (err) {
      if (!isForbidden(err)) throw err;
      return undefined;
    }
  }

  async #relabel(node: Node, shown: HostFacts): Promise<Node> {
    const facts = claimable(node, shown);
    const { name, labels = {}, annotations = {}, resourceVersion } = node.metadata;
    const wanted = {
      labels: { ...labels, ...nodeLabels(name, facts) },
      annotations: { ...annotations, ...nodeAnnotations(facts) },
    };
    const gone = withdrawals(node, facts);
    const isSame =
      !gone.isNeeded && equalJson(wanted, { labels, annotations }) && gone.taints === undefined;
    if (isSame) return node;
    const metadata = {
      labels: { ...gone.labels, ...nodeLabels(name, facts) },
      annotations: { ...gone.annotations, ...nodeAnnotations(facts) },
    };
    // Lists are replaced whole, and the node controller writes taints, too.
    const body =
      gone.taints === undefined
        ? { metadata }
        : { metadata: { ...metadata, resourceVersion }, spec: { taints: gone.taints } };
    return this.#options.client.patch(nodes, { name }, { type: "merge", body });
  }

  async #writeStatus(
    node: Node,
    status: Readonly<Record<string, unknown>> | undefined,
  ): Promise<void> {
    if (status === undefined) return;
    const body = { metadata: { uid: node.metadata.uid }, status };
    const key = { name: node.metadata.name };
    await this.#options.client.patch(
      nodes,
      key,
      { type: "merge", body },
      { subresource: "status" },
    );
  }

  async knownAt(endpoint: string, signal: AbortSignal): Promise<string | undefined> {
    const own = await this.#own();
    signal.throwIfAborted();
    const at = own.find(({ metadata }) => metadata.annotations?.[annotation.endpoint] === endpoint);
    return at?.metadata.name;
  }

  async reportLost(name: string, silence: Silence, signal: AbortSignal): Promise<void> {
    const node = await this.#options.client.get(nodes, { name }, signal);
    if (node === undefined) return;
    const after = lostStatus(node, silence, this.#options.clock.nowMs());
    await this.#writeStatus(node, changedStatus(node, after));
  }

  async reportVanished(node: Node, message: string): Promise<boolean> {
    const after = vanishedStatus(node, message, this.#options.clock.nowMs());
    const changed = changedStatus(node, after);
    await this.#writeStatus(node, changed);
    return changed !== undefined;
  }

  async endpointOf(engineId: string): Promise<string | undefined> {
    const node = (await this.#own()).find(
      ({ spec }) => spec?.providerID === providerId({ id: engineId }),
    );
    return node?.metadata.annotations?.[annotation.endpoint];
  }

  own(): Promise<readonly Node[]> {
    return this.#own();
  }

  async heartbeat(name: string, signal: AbortSignal): Promise<void> {
    const { client, clock, beacon } = this.#options;
    const spec: NonNullable<Lease["spec"]> = {
      holderIdentity: beacon,
      leaseDurationSeconds,
      renewTime: formatMicroTime(clock.nowMs()),
    };
    const key = { namespace: leaseNamespace, name };
    try {
      await client.patch(leases, key, { type: "merge", body: { spec } });
    } catch (err) {
      if (!isNotFound(err) || signal.aborted) throw err;
      const draft = {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: key,
        spec: { ...spec, acquireTime: formatMicroTime(clock.nowMs()) },
      };
      await client.create(leases, draft);
    }
  }

  async farewell(name: string): Promise<void> {
    const { client, clock } = this.#options;
    const renewTime = formatMicroTime(clock.nowMs());
    const body = { spec: { leaseDurationSeconds: farewellSeconds, renewTime } };
    const key = { namespace: leaseNamespace, name };
    await client.patch(leases, key, { type: "merge", body });
  }
}

/** The Nodes of one beacon. */
export function createNodeRegistry(options: RegistryOptions): NodeRegistry {
  return new ApiNodeRegistry(options);
}
