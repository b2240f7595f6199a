import type { Gvk } from "../../machinery/gvk.ts";
import type { Subresource } from "../kinds/kind.ts";

/** The endpoint below a Beacon at which its agent opens the tunnel; none for any other kind. */
export function beaconParts(gvk: Gvk): readonly Subresource[] {
  if (gvk.group !== "lighthouse.dev" || gvk.kind !== "Beacon") return [];
  const { group, version } = gvk;
  const responseKind = { group, version, kind: "BeaconTunnel" };
  return [{ name: "tunnel", responseKind, verbs: ["get"] }];
}
