import type { Rights } from "./rbac-authorizer.ts";

const finer = /^(docker-(read|write|exec|build)|metrics|stats)$/;

/**
 * Grants on `nodes/proxy` hold for everything behind it, as for a kubelet (KEP-2862): the fine right
 * is asked for first, then `nodes/proxy` with the same verb. Access reviews answer by the same.
 */
export function withNodeProxy(rights: Rights): Rights {
  return {
    ...rights,
    async authorize(user, request) {
      const decision = await rights.authorize(user, request);
      const { resource } = request;
      if (decision.allowed || resource?.plural !== "nodes" || resource.group !== "")
        return decision;
      if (!finer.test(resource.subresource)) return decision;
      const whole = { ...request, resource: { ...resource, subresource: "proxy" } };
      const wide = await rights.authorize(user, whole);
      return wide.allowed ? wide : decision;
    },
  };
}
