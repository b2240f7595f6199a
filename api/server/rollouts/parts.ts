import type { Gvk } from "../../machinery/gvk.ts";
import type { Subresource } from "../kinds/kind.ts";

/** What an endpoint of Applications beyond `status` and `scale` is called in discovery. */
const part = ({ group, version }: Gvk, name: string, kind: string): Omit<Subresource, "verbs"> => ({
  name,
  responseKind: { group, version, kind },
});

/**
 * The endpoints below an Application that are about its rollout, see docs/rollout-api.md; none for
 * any other kind. A CRD cannot declare them, so they are the server's own.
 */
export function rolloutParts(gvk: Gvk): readonly Subresource[] {
  if (gvk.group !== "lighthouse.dev" || gvk.kind !== "Application") return [];
  return [
    { ...part(gvk, "approve", "RolloutApproval"), verbs: ["create", "patch", "update"] },
    { ...part(gvk, "plan", "RolloutPlan"), verbs: ["create", "get", "update"] },
    { ...part(gvk, "rollout", "RolloutStream"), verbs: ["get"] },
  ];
}
