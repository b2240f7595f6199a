import type { Pod } from "../../api/machinery/resources.ts";
import type { CpuManagerPolicy } from "../../crds/types.gen.ts";
import type { Starter } from "./cpu-keeper.ts";

/** What a host makes of resources that a container asks for. */
export type CreatePolicy = {
  /** CPUs of the host; Docker refuses to promise more. Integer, 1 or more. */
  readonly cpus: number;
  readonly cpuManagerPolicy: CpuManagerPolicy;
  /** Whether the engine itself can limit what a container writes. */
  readonly hasDiskQuota: boolean;
};

/** The limits of a host that hold at the start of a container, or from it on. */
export interface StartLimits {
  policy(): CreatePolicy;
  /** Right before a start. The function that it resolves to is to be called once the start was
   * tried. @throws StepFailure when the container cannot have what it asks for now. */
  beforeStart(pod: Pod, starter: Starter, signal: AbortSignal): Promise<() => void>;
  /** Right after a start. Never rejects: what cannot be limited is told by an Event of the pod. */
  afterStart(pod: Pod, starter: Starter, signal: AbortSignal): Promise<void>;
}
