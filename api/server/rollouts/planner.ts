import type { RolloutPlan } from "../../../crds/rollout-plan.ts";
import type { Application, Revision } from "../../../crds/types.gen.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { PlannedWorld } from "../../machinery/planned-world.ts";
import type { Pod } from "../../machinery/resources.ts";
import { collectionPrefix } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import { filterInSlices } from "../objects/slices.ts";

/**
 * Works out what an Application would lead to. Pure and synchronous, and bounded in time however large
 * the world is. The server does not know how controllers decide: who starts it gives it the
 * controllers' own function (ADR 0018).
 */
export type PlanRollout = (world: PlannedWorld) => RolloutPlan;

const ours = "lighthouse.dev";

/** All objects of a kind in the cache. They are parsed in slices: there may be ten thousand that nobody read yet. */
export async function allOf(
  cache: WatchCache,
  type: { readonly group: string; readonly plural: string },
  namespace?: string,
): Promise<readonly AnyObject[]> {
  const items = cache.list(collectionPrefix(type, namespace));
  const parsed = await filterInSlices(items, ({ object }) => object.metadata.name !== "");
  return parsed.map(({ object }) => object);
}

/** The world as this server's cache has it, around an Application that is to be planned. */
export async function worldAround(
  application: AnyObject,
  cache: WatchCache,
  nowMs: number,
): Promise<PlannedWorld> {
  const { namespace } = application.metadata;
  const [applications, revisions, pods, nodes] = [
    await allOf(cache, { group: ours, plural: "applications" }, namespace),
    await allOf(cache, { group: ours, plural: "revisions" }, namespace),
    await allOf(cache, { group: "", plural: "pods" }),
    await allOf(cache, { group: "", plural: "nodes" }),
  ] as const;
  // What is stored has passed the schemas of these kinds.
  return {
    application: application as unknown as Application,
    applications: applications as unknown as readonly Application[],
    revisions: revisions as unknown as readonly Revision[],
    pods: pods as readonly Pod[],
    nodes,
    nowMs,
  };
}
