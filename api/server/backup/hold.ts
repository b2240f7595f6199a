import { annotation } from "../../../crds/labels.ts";
import { formatTime } from "../../machinery/time.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { storeKey } from "../../store/keys.ts";
import type { Admission } from "../admission/chain.ts";
import { objectIn, textIn } from "../kinds/fill.ts";
import { newUid } from "../objects/call.ts";
import type { Storage } from "../objects/storage.ts";

/**
 * After a restore, what was made since the backup runs on, and the API does not know of it. To an agent
 * those are containers of Pods that are gone, which it removes. Until a person has looked, it must not:
 * a ConfigMap says that the hold is on, and an annotation on each Node tells its agent (ADR 0039).
 */
const holdName = { namespace: "lighthouse-system", name: "restored" } as const;

const holdKey = storeKey({ group: "", plural: "configmaps" }, holdName);

/** Where the hold is stored, and the object that turns it on. */
export function holdObject(backup: { readonly created: string }, nowMs: number) {
  const at = formatTime(nowMs);
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...holdName, uid: newUid(), creationTimestamp: at },
    data: { backup: backup.created, restored: at },
  };
  return { key: holdKey, object };
}

/** The Node with the hold on it. */
export function heldNode(node: AnyObject, since: string): AnyObject {
  const annotations = { ...node.metadata.annotations, [annotation.holdUnknown]: since };
  return { ...node, metadata: { ...node.metadata, annotations } };
}

/** Nodes that register while the hold is on are held, too: they may be younger than the backup. */
export function holdAdmission({ cache }: Pick<Storage, "cache">): Admission {
  return {
    async admit({ operation, kind, subresource, object }) {
      if (operation !== "CREATE" || subresource !== "" || object === undefined) return;
      if (kind.group !== "" || kind.plural !== "nodes") return;
      const hold = cache.newest(holdKey)?.object;
      const since = hold === undefined ? "" : textIn(objectIn(hold, "data"), "restored");
      if (since === "") return;
      object.metadata.annotations = {
        ...object.metadata.annotations,
        [annotation.holdUnknown]: since,
      };
    },
  };
}
