import type { Decision, User } from "../access.ts";
import type { RequestInfo } from "../objects/request-info.ts";
import type { Storage } from "../objects/storage.ts";
import type { NodeGraph } from "./node-graph.ts";
import { beaconOf } from "./node-identity.ts";
import { judgeBeacon } from "./node-rules.ts";
import type { Rights } from "./rbac-authorizer.ts";

/** What the authorizer looks at. */
export type NodeRightsParts = {
  readonly graph: NodeGraph;
  readonly storage: Pick<Storage, "cache"> & { readonly store: Pick<Storage["store"], "head"> };
};

/** How long a refusal waits for what other servers wrote, in milliseconds. */
const settleMs = 2_000;

/**
 * The rights of everybody, and beside them those that agents have by what belongs to their beacon
 * (ADR 0030). A refusal counts only once this server has seen all that the store holds: an agent may
 * come with a Pod that another server bound a moment ago.
 */
export function withNodeRights(rights: Rights, { graph, storage }: NodeRightsParts): Rights {
  const settle = async (): Promise<void> => {
    const { revision } = await storage.store.head();
    await storage.cache.reach(revision, settleMs);
  };
  const judge = async (beacon: string, user: User, request: RequestInfo): Promise<Decision> => {
    const first = judgeBeacon(graph, beacon, request);
    if (first.is === "allowed") return { allowed: true, reason: `belongs to beacon "${beacon}"` };
    const granted = await rights.authorize(user, request);
    if (granted.allowed || first.is === "no opinion") return granted;
    await settle();
    const verdict = judgeBeacon(graph, beacon, request);
    if (verdict.is === "allowed") return { allowed: true, reason: `belongs to beacon "${beacon}"` };
    return { allowed: false, reason: verdict.is === "foreign" ? verdict.why : first.why };
  };
  return {
    ...rights,
    async authorize(user, request) {
      const beacon = beaconOf(user);
      if (beacon === undefined) return rights.authorize(user, request);
      return judge(beacon, user, request);
    },
  };
}
