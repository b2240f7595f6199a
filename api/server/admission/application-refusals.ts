import type { Application } from "../../../crds/types.gen.ts";
import { equalJson } from "../../machinery/equality.ts";
import { invalid } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { Storage } from "../objects/storage.ts";
import { hostPortsOf } from "../rollouts/host-ports.ts";
import { allOf } from "../rollouts/planner.ts";
import { newRefusals, type Surroundings } from "../rollouts/refusals.ts";
import { groupNameCauses, strayAnnotations } from "./application-annotations.ts";
import type { Admission, FinalReview } from "./chain.ts";

const asApplication = (object: AnyObject): Application => object as unknown as Application;

async function around({ storage }: Parts, { object }: FinalReview): Promise<Surroundings> {
  const nodes = await allOf(storage.cache, { group: "", plural: "nodes" });
  // Others matter to an Application by the ports that it shares with them.
  if (hostPortsOf(asApplication(object)).length === 0) return { nodes, others: [] };
  const all = await allOf(storage.cache, { group: "lighthouse.dev", plural: "applications" });
  const { name, namespace } = object.metadata;
  const others = all.filter(
    ({ metadata }) => metadata.name !== name || metadata.namespace !== namespace,
  );
  return { nodes, others: others.map(asApplication) };
}

/** Nodes that were named and are not there: they may still join, so it is only said. */
function warnOfStrangers({ object, before, warn }: FinalReview, { nodes }: Surroundings): void {
  const named = asApplication(object).spec.placement.nodes;
  const earlier = before === undefined ? [] : asApplication(before).spec.placement?.nodes;
  if (nodes.length === 0 || equalJson(named, earlier)) return;
  const known = new Set(nodes.map(({ metadata }) => metadata.name));
  const strangers = named.filter((node) => !known.has(node));
  for (const node of strangers.slice(0, 5)) {
    warn(`spec.placement.nodes: node "${node}" has not joined, its slot waits for it`);
  }
}

/** @throws StatusError `Invalid` */
function judgeAnnotations({ kind, object, before, name, warn }: FinalReview): void {
  const causes = groupNameCauses(object, before);
  if (causes.length > 0) throw invalid(kind, object.metadata.name ?? name, causes);
  for (const text of strayAnnotations(object, before)) warn(text);
}

type Parts = { readonly storage: Pick<Storage, "cache"> };

/**
 * Refuses Applications that cannot work beside the Nodes and Applications that are there, naming the
 * field and the way out. What may come right by waiting is left to the conditions; of two writes at the same
 * moment both may pass, and the scheduler then says what the second one waits for.
 */
export function applicationRefusals(parts: Parts): Admission {
  return {
    async judge(review) {
      const { kind, subresource, object, before, name } = review;
      if (kind.group !== "lighthouse.dev" || kind.plural !== "applications") return;
      if (subresource !== "" || object.metadata.deletionTimestamp !== undefined) return;
      judgeAnnotations(review);
      if (before !== undefined && equalJson(object["spec"], before["spec"])) return;
      const surroundings = await around(parts, review);
      const earlier = before === undefined ? undefined : asApplication(before);
      const causes = newRefusals(asApplication(object), earlier, surroundings);
      if (causes.length > 0) throw invalid(kind, object.metadata.name ?? name, causes);
      warnOfStrangers(review, surroundings);
    },
  };
}
