import type { Application, PodTemplate, RolloutOrder } from "./types.gen.ts";

/** Whether old and new pod of a slot cannot run side by side on one host. */
function isExclusive({ spec }: PodTemplate): boolean {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  if (ports.some(({ hostPort }) => hostPort !== undefined)) return true;
  if (spec.hostNetwork === true && ports.length > 0) return true;
  const kept = new Set(
    (spec.volumes ?? [])
      .filter(
        (volume) => volume.hostPath !== undefined || volume.persistentVolumeClaim !== undefined,
      )
      .map(({ name }) => name),
  );
  const mounts = containers.flatMap((container) => container.volumeMounts ?? []);
  return mounts.some(({ name, readOnly }) => kept.has(name) && readOnly !== true);
}

/**
 * How the slots of an Application change from one pod to the next: as it says, else StopFirst where
 * two pods would clash over a host port or a volume with one writer, and StartFirst elsewhere.
 */
export function rolloutOrder({ spec }: Pick<Application, "spec">): RolloutOrder {
  return spec.strategy.order ?? (isExclusive(spec.template) ? "StopFirst" : "StartFirst");
}
