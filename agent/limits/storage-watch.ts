import type { Clock } from "../../api/machinery/clock.ts";
import { keyOf, keyText } from "../../api/machinery/object.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import type { Log, Recorder } from "../../controllers/runtime/reconciler.ts";
import { podReason } from "../../crds/conditions.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerPlace } from "../engine/upkeep.ts";
import { membersOf } from "../pods/containers.ts";
import { isFinished } from "../pods/desired.ts";
import type { Inventory } from "../pods/inventory.ts";
import { isSharedVolume, sharedVolumeName } from "../pods/shared-volumes.ts";
import type { Starter } from "./cpu-keeper.ts";
import type { Evictions } from "./evictions.ts";
import { isStorageLimited, judgeStorage, type PodUse } from "./storage-plan.ts";
import { logBytes, treeBytes } from "./tree-bytes.ts";

/** Looks at what the pods of one host wrote, and ends those that wrote too much. */
export interface StorageWatch {
  /** One look at every pod that is limited, one after the other. */
  look(signal: AbortSignal): Promise<void>;
}

/** What a watch needs of one host. */
export type StorageWatchOptions = {
  readonly engine: Engine;
  readonly inventory: Inventory;
  readonly evictions: Evictions;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly log: Log;
  /** Whether files of the engine's machine can be read here: then volumes and logs count, too. */
  readonly isLocal: boolean;
  /** The pods of the host. */
  pods(): readonly Pod[];
};

type Mounted = ContainerPlace["volumes"][number];

/** A volume of one container has a name of Docker's: it is told apart by where it is mounted. */
function emptyDirOf(pod: Pod, { name, target }: Mounted, container: string): string | undefined {
  const { uid } = pod.metadata;
  const own = (pod.spec.volumes ?? []).filter(
    ({ emptyDir }) => emptyDir !== undefined && emptyDir.medium !== "Memory",
  );
  if (isSharedVolume(name, uid))
    return own.find((volume) => sharedVolumeName(pod, volume.name) === name)?.name;
  const member = membersOf(pod.spec).find((one) => one.name === container);
  const mount = member?.spec.volumeMounts?.find(({ mountPath }) => mountPath === target);
  return own.find((volume) => volume.name === mount?.name)?.name;
}

class EngineStorageWatch implements StorageWatch {
  readonly #options: StorageWatchOptions;
  /** By pod, what it was warned of and still is near to. */
  readonly #warned = new Map<string, ReadonlySet<string>>();

  constructor(options: StorageWatchOptions) {
    this.#options = options;
  }

  async look(signal: AbortSignal): Promise<void> {
    const limited = this.#options.pods().filter((pod) => isStorageLimited(pod) && !isFinished(pod));
    const uids = new Set(limited.map(({ metadata }) => metadata.uid));
    for (const uid of this.#warned.keys()) if (!uids.has(uid)) this.#warned.delete(uid);
    for (const pod of limited) {
      if (this.#options.evictions.of(pod) !== undefined) continue;
      this.#judge(pod, await this.#measure(pod, signal));
    }
  }

  async #measure(pod: Pod, signal: AbortSignal): Promise<PodUse> {
    const use = { containers: new Map<string, number>(), volumes: new Map<string, number>() };
    for (const { id, name } of await this.#options.inventory.of(pod.metadata.uid, signal)) {
      const written = (await this.#options.engine.upkeep.writtenBytes(id, signal)) ?? 0;
      use.containers.set(name, (use.containers.get(name) ?? 0) + written);
      if (this.#options.isLocal) await this.#addFiles(pod, { id, name }, use, signal);
    }
    return use;
  }

  /** What is beside the container's own layer: its log, and its volumes. */
  async #addFiles(
    pod: Pod,
    { id, name }: Starter,
    use: { readonly containers: Map<string, number>; readonly volumes: Map<string, number> },
    signal: AbortSignal,
  ): Promise<void> {
    const place = await this.#options.engine.upkeep.placeOf(id, signal);
    if (place === undefined) return;
    const log = await logBytes(place.logPath);
    use.containers.set(name, (use.containers.get(name) ?? 0) + log);
    for (const mounted of place.volumes) {
      const volume = emptyDirOf(pod, mounted, name);
      const bytes = volume === undefined ? undefined : await treeBytes(mounted.path, signal);
      if (volume !== undefined && bytes !== undefined) use.volumes.set(volume, bytes);
    }
  }

  #judge(pod: Pod, use: PodUse): void {
    const { recorder, evictions, log } = this.#options;
    const { uid } = pod.metadata;
    const { warnings, evict } = judgeStorage(pod, use);
    const before = this.#warned.get(uid);
    this.#warned.set(uid, new Set(warnings.keys()));
    if (evict !== undefined) {
      log.info({ pod: keyText(keyOf(pod)), why: evict }, "evicting pod");
      recorder.event(pod, { type: "Warning", reason: podReason.evicted, message: evict });
      evictions.evict(pod, { message: evict });
      return;
    }
    for (const [about, message] of warnings)
      if (before?.has(about) !== true)
        recorder.event(pod, { type: "Warning", reason: "EphemeralStorageHigh", message });
  }
}

/** The watch over one host's disk. */
export function createStorageWatch(options: StorageWatchOptions): StorageWatch {
  return new EngineStorageWatch(options);
}
