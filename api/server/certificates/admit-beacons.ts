import { annotation } from "../../../crds/labels.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { Admission } from "../admission/chain.ts";
import type { Body } from "../kinds/kind.ts";
import { beaconCollection } from "./beacon-record.ts";
import { knownKeys } from "./known-keys.ts";

const { agentKeys } = annotation;

/** The record as a writer may leave it: what was there, without what the writer leaves out. */
function recordAfter(sent: string | undefined, before: AnyObject): string | undefined {
  const record = before.metadata.annotations?.[agentKeys];
  if (record === undefined || sent === undefined) return record;
  const wanted = knownKeys({ metadata: { annotations: { [agentKeys]: sent } } });
  const kept = knownKeys(before).filter(({ key }) => wanted.some((one) => one.key === key));
  return JSON.stringify(kept);
}

function keepRecord(object: Body, before: AnyObject | undefined): void {
  const { [agentKeys]: sent, ...annotations } = object.metadata.annotations ?? {};
  const record = before === undefined ? undefined : recordAfter(sent, before);
  if (record !== undefined) {
    object.metadata.annotations = { ...annotations, [agentKeys]: record };
  } else if (sent !== undefined) object.metadata.annotations = annotations;
}

/**
 * The keys on a Beacon's record are the signer's to add: whoever else writes a Beacon may take some away, and
 * brings none. A manifest that says nothing of them leaves them, or a replace would put every agent out.
 */
export function beaconKeysAdmission(): Admission {
  return {
    async admit({ kind, subresource, object, before }) {
      const { group, plural } = beaconCollection;
      const isBeacon = kind.group === group && kind.plural === plural && subresource === "";
      if (isBeacon && object !== undefined) keepRecord(object, before);
      return Promise.resolve();
    },
  };
}
