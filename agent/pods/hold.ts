import type { Client } from "../../api/client/client.ts";
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
export type Hold = (owner: Owner, containers: number, signal: AbortSignal) => Promise<boolean>;

/** What a hold needs of the world. */
export type HoldOptions = {
  readonly client: Pick<Client, "get">;
  readonly recorder: Recorder;
  readonly nodeName: string;
};

/** The hold of one Node. It asks each time, since a cache may be behind, and tells once per pod. */
export function holdOf({ client, recorder, nodeName }: HoldOptions): Hold {
  const told = new Set<string>();
  return async ({ uid, key }, containers, signal) => {
    const node = await client.get(nodes, { name: nodeName }, signal);
    const since = node?.metadata.annotations?.[annotation.holdUnknown];
    if (node === undefined || since === undefined) return false;
    if (!told.has(uid)) {
      const message = `Left ${containers} container(s) of Pod ${keyText(key)} (uid ${uid}) as they are: the API does not know it since the restore of ${since}; to have such removed, run "lighthouse restore release ${nodeName}"`;
      recorder.event(node, { type: "Warning", reason: "UnknownPodHeld", message });
    }
    told.add(uid);
    return true;
  };
}
