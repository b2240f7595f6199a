import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { keyText } from "../../api/machinery/object.ts";
import { nodes } from "../../api/machinery/resources.ts";
import type { Recorder } from "../../controllers/runtime/reconciler.ts";
import { annotation } from "../../crds/labels.ts";
import type { Owner } from "./inventory.ts";

/** Between two looks whether containers may be removed that were left alone. Milliseconds. */
export const holdLookMs = 5_000;

/**
 * Whether containers of Pods that the API does not know are left as they are: after a restore it knows
 * nothing of what was made since the backup, and what is removed cannot be brought back (ADR 0039).
 */
export interface Hold {
  /** Of containers that nobody knows: whether they stay. */
  keeps(owner: Owner, containers: number, signal: AbortSignal): Promise<boolean>;
  /** Whether that was said of a pod a moment ago, and need not be looked into yet. */
  keptLately(uid: string): boolean;
}

/** What a hold needs of the world. */
export type HoldOptions = {
  readonly client: Pick<Client, "get">;
  readonly recorder: Recorder;
  readonly clock: Pick<Clock, "nowMs">;
  readonly nodeName: string;
};

/**
 * The hold of one Node. It asks before anything is removed, since a cache may be behind; that it is held is
 * believed for a while: a host may have hundreds of such Pods. It tells once per pod.
 */
export function holdOf({ client, recorder, clock, nodeName }: HoldOptions): Hold {
  const told = new Set<string>();
  let heldUntilMs = 0;
  const keptLately = (uid: string): boolean => told.has(uid) && clock.nowMs() < heldUntilMs;
  const keeps: Hold["keeps"] = async ({ uid, key }, containers, signal) => {
    if (keptLately(uid)) return true;
    const node = await client.get(nodes, { name: nodeName }, signal);
    // One that is younger than the backup is held from the moment that it registers again.
    if (node === undefined) return true;
    const since = node.metadata.annotations?.[annotation.holdUnknown];
    if (since === undefined) return false;
    heldUntilMs = clock.nowMs() + holdLookMs;
    if (!told.has(uid)) {
      const message = `Left ${containers} container(s) of Pod ${keyText(key)} (uid ${uid}) as they are: the API does not know it since the restore of ${since}; to have such removed, run "lighthouse restore release ${nodeName}"`;
      recorder.event(node, { type: "Warning", reason: "UnknownPodHeld", message });
    }
    told.add(uid);
    return true;
  };
  return { keeps, keptLately };
}
