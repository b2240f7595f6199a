import type { Engine, EngineInfo } from "../engine/engine.ts";
import { hostPlace } from "../host-address.ts";
import type { Inventory } from "../pods/inventory.ts";
import { hostRoutes } from "./host-routes.ts";
import { createPodNetworks, type PodNetworks } from "./pod-networks.ts";

/** What the networks of a host take from its agent. */
export type NetworkSources = {
  /** metadata.uid of the Namespace kube-system. */
  readonly cluster: string;
  /** The Beacon's spec.networkRange. */
  networkRange(this: void): string | undefined;
};

/** The networks of the namespaces on one host. */
export function hostNetworks(
  engine: Engine,
  { cluster, networkRange }: NetworkSources,
  { id }: EngineInfo,
  inventory: Inventory,
): PodNetworks {
  const { isLocal } = hostPlace(engine.endpoint);
  return createPodNetworks({
    engine,
    engineId: id,
    cluster,
    range: networkRange,
    // Docker tells nobody the routes of its machine, so those of another one are not known.
    routes: () => (isLocal ? hostRoutes() : Promise.resolve([])),
    isUsed: (namespace) =>
      inventory.keys().some((key) => (key.namespace ?? "default") === namespace),
  });
}
