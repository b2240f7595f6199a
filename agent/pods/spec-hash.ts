import { createHash } from "node:crypto";
import type { ContainerOf } from "./containers.ts";

/**
 * Tells whether a container was made from this spec. Only the fields that may change in a live pod
 * count, as in the kubelet: a default that a newer API server adds must not restart a container.
 * 16 hex digits.
 */
export function specHash({ name, image }: ContainerOf): string {
  return createHash("sha256")
    .update(JSON.stringify([name, image ?? ""]))
    .digest("hex")
    .slice(0, 16);
}
