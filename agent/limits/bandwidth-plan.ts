import { readBandwidth } from "../../api/machinery/bandwidth.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { annotation } from "../../crds/labels.ts";

/** Bits per second that may come into a pod and go out of it; absent: as much as there is. */
export type Shape = { readonly ingressBits?: number; readonly egressBits?: number };

/** A pod says something that is no bandwidth: it was there before such was refused. */
export type ShapeProblem = { readonly problem: string };

/** What a pod asks for; `undefined` when it asks for no limit. */
export function shapeOf({ metadata }: Pod): Shape | ShapeProblem | undefined {
  const wanted: { ingressBits?: number; egressBits?: number } = {};
  for (const [field, name] of [
    ["ingressBits", annotation.ingressBandwidth],
    ["egressBits", annotation.egressBandwidth],
  ] as const) {
    const text = metadata.annotations?.[name];
    if (text === undefined) continue;
    const read = readBandwidth(text);
    if ("problem" in read) return { problem: `${name} "${text}": ${read.problem}` };
    wanted[field] = read.bits;
  }
  return Object.keys(wanted).length === 0 ? undefined : wanted;
}

/** Bytes that may go at once: 20 ms of the rate, and at least a few packets. */
const burstOf = (bits: number): number => Math.min(4 << 20, Math.max(4096, Math.ceil(bits / 400)));

/** Arguments of `tc` that limit what leaves by a device: a token bucket, in place of what was there. */
export function shapeArgs(device: string, bits: number): readonly string[] {
  const bucket = ["rate", `${bits}bit`, "burst", `${burstOf(bits)}b`, "latency", "50ms"];
  return ["qdisc", "replace", "dev", device, "root", "tbf", ...bucket];
}

/** One end of a virtual cable, as a row of `ip -json link` tells it. */
export type Link = {
  readonly ifindex: number;
  readonly ifname: string;
  /** ifindex of the other end, which may be elsewhere; absent for what is no cable. */
  readonly link_index?: number;
};

/** Rows of `ip -json link`; what is no row is left out. */
export function readLinks(json: string): readonly Link[] {
  const rows: unknown = json.trim() === "" ? [] : JSON.parse(json);
  return Array.isArray(rows) ? rows.filter(isLink) : [];
}

function isLink(row: unknown): row is Link {
  if (typeof row !== "object" || row === null) return false;
  const { ifindex, ifname } = row as Partial<Link>;
  return typeof ifindex === "number" && typeof ifname === "string";
}

/** The cables between a container and its host: both ends name each other. */
export function cables(
  inside: readonly Link[],
  outside: readonly Link[],
): readonly { readonly inner: string; readonly outer: string }[] {
  return inside.flatMap((inner) => {
    const outer = outside.find(
      ({ ifindex, link_index }) => ifindex === inner.link_index && link_index === inner.ifindex,
    );
    return outer === undefined ? [] : [{ inner: inner.ifname, outer: outer.ifname }];
  });
}
