import type { Client } from "../api/client/client.ts";
import type { Clock } from "../api/machinery/clock.ts";
import { isAlreadyExists, isNotFound, unavailable } from "../api/machinery/errors.ts";
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
} from "./node.ts";

/** Namespace of the heartbeats: where `kubectl describe node` looks for them (KEP-589). */
export const leaseNamespace = "kube-node-lease";
/** A Node whose lease is older than this many seconds is not heard of. */
export const leaseDurationSeconds = 40;

/** Keeps the Nodes of one beacon in the API. The only writer of their status and labels. */
export interface NodeRegistry {
  /** Finds or makes the Node of an engine, and writes what it is now; resolves to its name. */
  register(facts: HostFacts, signal: AbortSignal): Promise<string>;
  /** The Node that was last reached at an endpoint, for an engine that has not answered yet. */
  knownAt(endpoint: string, signal: AbortSignal): Promise<string | undefined>;
  /** The engine does not answer; `message` names it and the way out. */
  reportLost(name: string, endpoint: string, message: string, signal: AbortSignal): Promise<void>;
  /** Tells that the agent of this Node lives. */
  heartbeat(name: string, signal: AbortSignal): Promise<void>;
}

/** What a registry needs of the world. */
export type RegistryOptions = {
  readonly client: Client;
  readonly clock: Clock;
  readonly beacon: string;
};

class ApiNodeRegistry implements NodeRegistry {
  readonly #options: RegistryOptions;
  readonly #all: () => Promise<readonly Node[]>;
  readonly #own: () => Promise<readonly Node[]>;

  constructor(options: RegistryOptions) {
    const { client, beacon } = options;
    const labelSelector = `${label.beacon}=${beacon}`;
    this.#options = options;
    // An agent may have hundreds of hosts that all come at once.
    this.#all = shared(async () => (await client.list(nodes, {})).items);
    this.#own = shared(async () => (await client.list(nodes, { labelSelector })).items);
  }

  async register(facts: HostFacts, signal: AbortSignal): Promise<string> {
    const node = (await this.#find(facts, signal)) ?? (await this.#create(facts, signal));
    const { name } = node.metadata;
    const labelled = await this.#relabel(node, facts);
    await this.#writeStatus(
      labelled,
      changedStatus(labelled, liveStatus(name, labelled, facts, this.#options.clock.nowMs())),
    );
    return name;
  }

  /** By its usual name, or by whatever name it got when its engine was called something else. */
  async #find(facts: HostFacts, signal: AbortSignal): Promise<Node | undefined> {
    const id = providerId(facts.info);
    const [name] = nodeNames(facts.info);
    const usual = await this.#options.client.get(nodes, { name }, signal);
    if (usual?.spec?.providerID === id) return usual;
    return (await this.#all()).find(({ spec }) => spec?.providerID === id);
  }

  async #create(facts: HostFacts, signal: AbortSignal): Promise<Node> {
    const { client } = this.#options;
    for (const name of nodeNames(facts.info)) {
      try {
        return await client.create(nodes, nodeDraft(name, facts));
      } catch (err) {
        if (!isAlreadyExists(err)) throw err;
        const holder = await client.get(nodes, { name }, signal);
        if (holder?.spec?.providerID === providerId(facts.info)) return holder;
      }
    }
    throw unavailable(
      `Cannot register Docker engine at ${facts.endpoint}: the names ${nodeNames(facts.info).join(" and ")} belong to other engines`,
    );
  }

  async #relabel(node: Node, facts: HostFacts): Promise<Node> {
    const { name, labels, annotations } = node.metadata;
    const wanted = {
      labels: { ...labels, ...nodeLabels(name, facts) },
      annotations: { ...annotations, ...nodeAnnotations(facts) },
    };
    if (equalJson(wanted, { labels: labels ?? {}, annotations: annotations ?? {} })) return node;
    const body = {
      metadata: { labels: nodeLabels(name, facts), annotations: nodeAnnotations(facts) },
    };
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

  async reportLost(
    name: string,
    endpoint: string,
    message: string,
    signal: AbortSignal,
  ): Promise<void> {
    const node = await this.#options.client.get(nodes, { name }, signal);
    if (node === undefined) return;
    const after = lostStatus(node, endpoint, message, this.#options.clock.nowMs());
    await this.#writeStatus(node, changedStatus(node, after));
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
}

/** The Nodes of one beacon. */
export function createNodeRegistry(options: RegistryOptions): NodeRegistry {
  return new ApiNodeRegistry(options);
}
