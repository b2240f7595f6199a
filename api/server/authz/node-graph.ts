import { label } from "../../../crds/labels.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { isObject, objectIn, textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { beaconReferences, podReferences, type Reference } from "./node-references.ts";

/** The kinds that say what belongs to a beacon. */
export type GraphPlural = "nodes" | "pods" | "beacons";

/** What is known of a Node. */
type NodeFacts = { readonly beacon: string; readonly providerId: string };

/** What is known of a Pod. */
type PodFacts = {
  readonly node: string;
  readonly uid: string;
  readonly references: ReadonlySet<Reference>;
};

/** What is known of a Beacon. */
type BeaconFacts = {
  readonly references: ReadonlySet<Reference>;
  readonly nodeLabels: Readonly<Record<string, unknown>>;
};

const specOf = (object: AnyObject): JsonObject => (isObject(object["spec"]) ? object["spec"] : {});

function beaconFacts(object: AnyObject): BeaconFacts {
  const nodeLabels = objectIn(specOf(object), "nodeLabels") ?? {};
  return { references: beaconReferences(object), nodeLabels };
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

/** Pods that are gone, so that their agent can still tell how they ended. */
const maxDeparted = 4_096;

/** The beacon that a Node's labels say; empty when it belongs to none. */
export function beaconOfNode({ metadata }: Pick<AnyObject, "metadata">): string {
  return metadata.labels?.[label.beacon] ?? "";
}

/** A set of holders for each key; keys without a holder are forgotten. */
class Holders<Key> {
  readonly #byKey = new Map<Key, Set<string>>();

  add(key: Key, holder: string): void {
    const holders = this.#byKey.get(key);
    if (holders === undefined) this.#byKey.set(key, new Set([holder]));
    else holders.add(holder);
  }

  remove(key: Key, holder: string): void {
    const holders = this.#byKey.get(key);
    holders?.delete(holder);
    if (holders?.size === 0) this.#byKey.delete(key);
  }

  of(key: Key): ReadonlySet<string> {
    return this.#byKey.get(key) ?? new Set();
  }
}

/**
 * Who has what to do with whom: Nodes belong to beacons by label, Pods to Nodes by `spec.nodeName`, and
 * Pods and Beacons name Secrets and the like. Holds no more than what it was told; telling is idempotent.
 */
export class NodeGraph {
  readonly #nodes = new Map<string, NodeFacts>();
  /** By `namespace/name`; only those that are bound to a Node. */
  readonly #pods = new Map<string, PodFacts>();
  /** The same of Pods that are gone, oldest first. */
  readonly #departed = new Map<string, PodFacts>();
  readonly #beacons = new Map<string, BeaconFacts>();
  /** Keys of Pods by what they name. */
  readonly #readers = new Holders<Reference>();
  /** Names of Nodes by the engine that they stand for. */
  readonly #engines = new Holders<string>();

  /** Takes in the newest state of an object. */
  set(plural: GraphPlural, object: AnyObject): void {
    if (plural === "nodes") this.#setNode(object);
    else if (plural === "pods") this.#setPod(object);
    else this.#beacons.set(object.metadata.name, beaconFacts(object));
  }

  /** Forgets an object that was deleted. */
  delete(plural: GraphPlural, { metadata: { name, namespace = "" } }: AnyObject): void {
    if (plural === "nodes") this.#removeNode(name);
    else if (plural === "beacons") this.#beacons.delete(name);
    else this.#removePod(keyOf(namespace, name));
  }

  /** Forgets all objects of a kind. */
  clear(plural: GraphPlural): void {
    if (plural === "nodes") for (const name of this.#nodes.keys()) this.#removeNode(name);
    else if (plural === "beacons") this.#beacons.clear();
    else for (const key of this.#pods.keys()) this.#removePod(key);
  }

  /** The beacon of a Node: empty when it belongs to none, `undefined` when there is no such Node. */
  beaconOf(node: string): string | undefined {
    return this.#nodes.get(node)?.beacon;
  }

  /** Whether the Node is there and belongs to the beacon. */
  owns(beacon: string, node: string): boolean {
    return beacon !== "" && this.beaconOf(node) === beacon;
  }

  /** The Node that a Pod is bound to, if there are both. */
  nodeOfPod(namespace: string, name: string): string | undefined {
    return this.#pods.get(keyOf(namespace, name))?.node;
  }

  /** Whether a Pod is bound to a Node of the beacon. */
  ownsPod(beacon: string, namespace: string, name: string): boolean {
    const node = this.nodeOfPod(namespace, name);
    return node !== undefined && this.owns(beacon, node);
  }

  /** The same, and also when the Pod of that uid was, and nobody has its name since. */
  ownedPod(beacon: string, pod: { namespace: string; name: string; uid: string }): boolean {
    const key = keyOf(pod.namespace, pod.name);
    const facts = this.#pods.get(key) ?? this.#departed.get(key);
    return facts?.uid === pod.uid && this.owns(beacon, facts.node);
  }

  /** Whether the beacon itself or a Pod on one of its Nodes names an object. */
  names(beacon: string, reference: Reference): boolean {
    if (this.#beacons.get(beacon)?.references.has(reference) === true) return true;
    for (const pod of this.#readers.of(reference)) {
      if (this.owns(beacon, this.#pods.get(pod)?.node ?? "")) return true;
    }
    return false;
  }

  /** Whether people ask the beacon in its spec to put a label on its Nodes. */
  asksForLabel(beacon: string, key: string, value: string | undefined): boolean {
    return value !== undefined && this.#beacons.get(beacon)?.nodeLabels[key] === value;
  }

  /** The Nodes that stand for an engine, e.g. of `docker://ABCD`. */
  nodesOfEngine(providerId: string): ReadonlySet<string> {
    return this.#engines.of(providerId);
  }

  #setNode(object: AnyObject): void {
    const { name } = object.metadata;
    this.#removeNode(name);
    const providerId = textIn(specOf(object), "providerID");
    this.#nodes.set(name, { beacon: beaconOfNode(object), providerId });
    if (providerId !== "") this.#engines.add(providerId, name);
  }

  #removeNode(name: string): void {
    const facts = this.#nodes.get(name);
    if (facts === undefined) return;
    this.#nodes.delete(name);
    this.#engines.remove(facts.providerId, name);
  }

  #setPod(object: AnyObject): void {
    const { namespace = "", name, uid } = object.metadata;
    const key = keyOf(namespace, name);
    this.#forgetPod(key);
    this.#departed.delete(key);
    const node = textIn(specOf(object), "nodeName");
    if (node === "") return;
    const facts: PodFacts = { node, uid, references: podReferences(object) };
    this.#pods.set(key, facts);
    for (const reference of facts.references) this.#readers.add(reference, key);
  }

  #removePod(key: string): void {
    const facts = this.#forgetPod(key);
    if (facts === undefined) return;
    this.#departed.set(key, { ...facts, references: new Set() });
    const [oldest] = this.#departed.keys();
    if (this.#departed.size > maxDeparted && oldest !== undefined) this.#departed.delete(oldest);
  }

  #forgetPod(key: string): PodFacts | undefined {
    const facts = this.#pods.get(key);
    if (facts === undefined) return undefined;
    this.#pods.delete(key);
    for (const reference of facts.references) this.#readers.remove(reference, key);
    return facts;
  }
}
