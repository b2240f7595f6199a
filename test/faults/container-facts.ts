import type { ContainerState } from "../../agent/simulated/simulated-engine.ts";
import { containerLabel, label } from "../../crds/labels.ts";

/** Name of the Application that a container belongs to; `undefined` for a foreign one. */
export const applicationOf = ({ labels }: ContainerState): string | undefined =>
  labels[label.application];

/** Name of the Revision that a container was made from. */
export const revisionOf = ({ labels }: ContainerState): string => labels[label.revision] ?? "";

/** Id of the slot of a container: its pod is named after Revision and slot. */
export const slotOf = (container: ContainerState): string =>
  (container.labels[containerLabel.podName] ?? "").slice(revisionOf(container).length + 1);
