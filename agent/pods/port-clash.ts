import { StatusError } from "../../api/machinery/errors.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import type { ContainerSummary, Engine, PublishedPort } from "../engine/engine.ts";
import { type HostPort, hostPortsOf } from "./containers.ts";
import { ownerOf } from "./inventory.ts";

const everywhere = new Set(["", "0.0.0.0", "::"]);

function overlaps(wanted: HostPort, taken: PublishedPort): boolean {
  if (wanted.port !== taken.hostPort || wanted.protocol !== taken.protocol) return false;
  if (everywhere.has(wanted.ip) || everywhere.has(taken.hostIp)) return true;
  return wanted.ip === taken.hostIp;
}

function describe(holder: ContainerSummary): string {
  return `container ${holder.name} (${holder.id.slice(0, 12)}, image ${holder.image})`;
}

/**
 * The error for a host port of the pod that a container which is not ours holds, naming it;
 * `undefined` when every port is free of those. Pods of this control plane do not count: the
 * scheduler keeps them apart, and one of them is about to yield.
 */
export async function portClash(
  pod: Pod,
  engine: Engine,
  cluster: string,
  signal: AbortSignal,
): Promise<StatusError | undefined> {
  const wanted = hostPortsOf(pod.spec);
  if (wanted.length === 0) return undefined;
  const rows = await engine.containers.list({}, signal);
  for (const row of rows) {
    if (row.phase !== "running" || ownerOf(row.labels, cluster) !== undefined) continue;
    const clash = wanted.find((port) => row.ports.some((taken) => overlaps(port, taken)));
    if (clash === undefined) continue;
    const port = `${clash.port}/${clash.protocol}`;
    return new StatusError(
      "Conflict",
      `Cannot take host port ${port}: it is held by ${describe(row)}, which is not managed by Lighthouse`,
      { details: { kind: "containers", name: row.name, uid: row.id } },
    );
  }
  return undefined;
}
