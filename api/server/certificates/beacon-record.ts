import type { AgentKey } from "../../../crds/labels.ts";
import { equalJson } from "../../machinery/equality.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatTime } from "../../machinery/time.ts";
import { storeKey } from "../../store/keys.ts";
import { objectIn } from "../kinds/fill.ts";
import { newUid } from "../objects/call.ts";
import { changeItem, type Storage, write } from "../objects/storage.ts";
import { knownKeys, withKey } from "./known-keys.ts";

/** Where Beacons are kept. */
export const beaconCollection = { group: "lighthouse.dev", plural: "beacons" };

/** What is to be noted. */
export type KeyRecord = {
  readonly beacon: string;
  readonly key: AgentKey;
  /** For the Nodes of a beacon that joins for the first time; what its spec says already stays. */
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
};

function freshBeacon({ beacon, nowMs }: KeyRecord): AnyObject {
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Beacon",
    metadata: {
      name: beacon,
      uid: newUid(),
      creationTimestamp: formatTime(nowMs),
      generation: 1,
      resourceVersion: "",
    },
    spec: { paused: false },
  };
}

function withLabels(beacon: AnyObject, nodeLabels: KeyRecord["nodeLabels"]): AnyObject {
  const spec = objectIn(beacon, "spec") ?? {};
  const merged = { ...nodeLabels, ...objectIn(spec, "nodeLabels") };
  if (equalJson(merged, spec["nodeLabels"] ?? {})) return beacon;
  return { ...beacon, spec: { ...spec, nodeLabels: merged } };
}

function recorded(record: KeyRecord, current: AnyObject | undefined): AnyObject {
  const before = current ?? freshBeacon(record);
  const joins = knownKeys(before).length === 0;
  const labelled = joins ? withLabels(before, record.nodeLabels) : before;
  const metadata = withKey(before.metadata, record.key, record.nowMs);
  if (current === undefined || labelled === before) return { ...labelled, metadata };
  const generation = (before.metadata.generation ?? 0) + 1;
  return { ...labelled, metadata: { ...metadata, generation } };
}

/**
 * Notes on the Beacon, which is made when it is missing, that certificates for a key are accepted.
 * `isAllowed` is asked about the very state that is changed: of two hosts that race for one name one gets
 * it, and a renewal does not undo that the beacon was revoked meanwhile.
 *
 * @returns whether it was allowed and is noted
 */
export async function rememberKey(
  storage: Storage,
  record: KeyRecord,
  isAllowed: (stored: AnyObject | undefined) => boolean,
): Promise<boolean> {
  const key = storeKey(beaconCollection, { name: record.beacon });
  const refused = new Error("not allowed any more");
  try {
    await changeItem(
      storage,
      key,
      (current) => {
        if (!isAllowed(current?.object)) throw refused;
        return write("put", recorded(record, current?.object));
      },
      { dryRun: false },
    );
    return true;
  } catch (err) {
    if (err === refused) return false;
    throw err;
  }
}
