import type { Application, PodTemplate, RolloutOrder } from "../../crds/types.gen.ts";
import type { Strategy } from "./seen.ts";

/** `25%` of `total`, or the number itself. Not rounded. */
function share(value: number | string, total: number): number {
  if (typeof value === "number") return value;
  return (Number.parseInt(value, 10) * total) / 100;
}

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

function orderOf({ spec }: Application): RolloutOrder {
  return spec.strategy.order ?? (isExclusive(spec.template) ? "StopFirst" : "StartFirst");
}

/** `spec.strategy` for this many slots: percentages become numbers, seconds milliseconds. */
export function strategyOf(application: Application, slots: number): Strategy {
  const { strategy } = application.spec;
  const second = 1000;
  return {
    batch: Math.max(1, Math.ceil(share(strategy.batch, slots))),
    order: orderOf(application),
    canary: strategy.canary.count,
    manualApproval: strategy.canary.approve === "Manual",
    prepare: strategy.prepare,
    minReadyMs: strategy.minReadySeconds * second,
    monitorMs: strategy.monitorSeconds * second,
    pauseMs: strategy.pauseBetweenBatchesSeconds * second,
    deadlineMs: strategy.progressDeadlineSeconds * second,
    tolerated: Math.floor(share(strategy.tolerateFailures, slots)),
    onFailure: strategy.onFailure,
    offlineNodes: strategy.offlineNodes,
  };
}
