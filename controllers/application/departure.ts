import { applicationReason } from "../../crds/conditions.ts";
import type { Subject } from "./observe.ts";
import type { Notice, Step } from "./step.ts";

/**
 * What to tell when a pod goes that was asked to leave its Node: a slot takes nothing along, so that
 * volumes with a place on the host are named. `undefined` for every other step.
 */
export function departureNotice({ seen, templates }: Subject, step: Step): Notice | undefined {
  if (step.kind !== "deletePod") return undefined;
  const pod = seen.pods.find(({ uid }) => uid === step.uid);
  if (pod?.evicting !== true || pod.node === undefined) return undefined;
  const { volumes = [] } = templates.get(pod.revision)?.spec ?? {};
  const kept = volumes
    .filter(({ hostPath, persistentVolumeClaim }) => hostPath ?? persistentVolumeClaim)
    .map(({ name }) => name);
  const data = kept.length === 0 ? "" : `; its volumes stay there: ${kept.join(", ")}`;
  const message = `Slot ${pod.slot} leaves Node ${pod.node}, which is drained${data}`;
  return { type: "Normal", reason: applicationReason.movingSlot, message };
}
