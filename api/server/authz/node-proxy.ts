import type { Authorizer } from "../access.ts";

const finer = /^(docker-(read|write|exec|build)|metrics|stats)$/;

/**
 * Grants on `nodes/proxy` hold for everything behind it, as for a kubelet (KEP-2862): the fine right
 * is asked for first, then `nodes/proxy` with the same verb.
 */
export function withNodeProxy(authorizer: Authorizer): Authorizer {
  return {
    async authorize(user, request) {
      const decision = await authorizer.authorize(user, request);
      const { resource } = request;
      if (decision.allowed || resource?.plural !== "nodes" || resource.group !== "")
        return decision;
      if (!finer.test(resource.subresource)) return decision;
      const whole = { ...request, resource: { ...resource, subresource: "proxy" } };
      return (await authorizer.authorize(user, whole)).allowed ? { allowed: true } : decision;
    },
  };
}
