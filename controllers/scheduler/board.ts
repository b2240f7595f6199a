import { Occupancy } from "./occupancy.ts";
import type { BoundPod, NodeSeen, PodSeen } from "./seen.ts";

const text = (one: string, other: string): number => (one === other ? 0 : one < other ? -1 : 1);

const domainOf = (node: NodeSeen, label: string): string =>
  // A Node without this label is a domain of its own: its name is unique.
  node.labels[label] ?? `\0${node.name}`;

/** Slots of Applications by domain: `counts.get(application)?.get(domain)`. */
type Counts = Map<string, Map<string, number>>;

function grow(counts: Counts, application: string, domain: string): void {
  const ofApplication = counts.get(application) ?? new Map<string, number>();
  counts.set(application, ofApplication.set(domain, (ofApplication.get(domain) ?? 0) + 1));
}

/** All Nodes with what they hold, bindings of this pass included. */
export class Board {
  /** By name of the Node. */
  readonly places: readonly Occupancy[];
  readonly #byName: ReadonlyMap<string, Occupancy>;
  /** Where pods of a group are. */
  readonly #homes = new Map<string, Occupancy[]>();
  /** By label; counted when somebody asks first. */
  readonly #counts = new Map<string, Counts>();

  constructor(nodes: readonly NodeSeen[], bound: readonly BoundPod[]) {
    this.places = nodes
      .toSorted((one, other) => text(one.name, other.name))
      .map((node) => new Occupancy(node));
    this.#byName = new Map(this.places.map((place) => [place.node.name, place]));
    for (const pod of bound) {
      const place = this.#byName.get(pod.node);
      if (place !== undefined) this.add(pod, place);
    }
  }

  place(name: string): Occupancy | undefined {
    return this.#byName.get(name);
  }

  /** Puts the pod on a Node, whether it fits or not. */
  add(pod: PodSeen, place: Occupancy): void {
    const isNewSlot = place.add(pod);
    const { application, group } = pod;
    if (!isNewSlot || application === undefined) return;
    const homes = this.#homes.get(group);
    if (homes === undefined) this.#homes.set(group, [place]);
    else homes.push(place);
    for (const [label, counts] of this.#counts) {
      grow(counts, application, domainOf(place.node, label));
    }
  }

  /** How many slots of an Application the Node's domain holds, that of `group` left out. */
  slotsAround(place: Occupancy, label: string, { application, group }: PodSeen): number {
    if (application === undefined) return 0;
    const domain = domainOf(place.node, label);
    const all = this.#countsOf(label).get(application)?.get(domain) ?? 0;
    const own = this.#homes.get(group) ?? [];
    return all - own.filter(({ node }) => domainOf(node, label) === domain).length;
  }

  #countsOf(label: string): Counts {
    const known = this.#counts.get(label);
    if (known !== undefined) return known;
    const counts: Counts = new Map();
    for (const place of this.places) {
      const domain = domainOf(place.node, label);
      for (const application of place.slots()) grow(counts, application, domain);
    }
    this.#counts.set(label, counts);
    return counts;
  }
}
