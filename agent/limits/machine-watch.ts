import { equalJson } from "../../api/machinery/equality.ts";
import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import type { Log, Recorder } from "../../controllers/runtime/reconciler.ts";
import type { StoragePolicy } from "../../crds/types.gen.ts";
import type { Engine } from "../engine/engine.ts";
import { createImageCollector, type ImageCollector } from "../images/collector.ts";
import { nodeImages } from "../images/node-images.ts";
import type { CollectionPolicy, DiskUse } from "../images/plan.ts";
import type { NodeReport } from "../node.ts";
import { type Pressure, pressuresOf, readDisk, readMachine } from "./pressure.ts";

/** Sees how a machine is: its images and what it runs out of. Makes room when its disk is full. */
export interface MachineWatch {
  readonly images: ImageCollector;
  look(signal: AbortSignal): Promise<void>;
  /** What the Node is to say; `undefined` before the first look. */
  report(): NodeReport | undefined;
}

/** What the watch over one machine needs. */
export type MachineWatchOptions = {
  readonly engine: Engine;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly nodeName: string;
  /** Whether the agent is on the engine's machine: of another one nobody knows disk and memory. */
  readonly isLocal: boolean;
  pods(): readonly Pod[];
  storage(): StoragePolicy | undefined;
  isPaused(): boolean;
  /** There is something new to say. */
  onReport(): void;
};

/** The default revisionHistoryLimit of an Application, and what runs. */
const keptImages = 11;

/** The defaults of crds/beacon.yaml. */
function collectionPolicy(policy: StoragePolicy | undefined): CollectionPolicy {
  return {
    highPercent: policy?.imageHighPercent ?? 85,
    lowPercent: policy?.imageLowPercent ?? 80,
    minimumAgeMs: (policy?.imageMinimumAgeSeconds ?? 120) * 1000,
    kept: keptImages,
  };
}

class LocalMachineWatch implements MachineWatch {
  readonly images: ImageCollector;
  readonly #options: MachineWatchOptions;
  #rootDir: string | undefined;
  #report: NodeReport | undefined;

  constructor(options: MachineWatchOptions) {
    this.#options = options;
    this.images = createImageCollector({
      ...options,
      policy: () => collectionPolicy(options.storage()),
      readDisk: () => this.#disk(),
    });
  }

  report(): NodeReport | undefined {
    return this.#report;
  }

  async look(signal: AbortSignal): Promise<void> {
    const { engine, isLocal } = this.#options;
    if (isLocal) this.#rootDir ??= (await engine.upkeep.storage(signal)).rootDir;
    const disk = await this.#disk();
    const images = await this.images.look(disk, signal);
    const left = await this.#disk();
    const machine = isLocal ? await readMachine() : {};
    const pressures = pressuresOf(
      { ...machine, ...(left === undefined ? {} : { disk: left }) },
      this.#under(),
    );
    const record = this.images.record();
    const report = {
      images: nodeImages(images),
      pressures,
      ...(record === undefined ? {} : { pulledImages: record }),
    };
    if (equalJson(report, this.#report)) return;
    this.#report = report;
    this.#options.onReport();
  }

  /** A simulated engine has no disk, and tells no directory. */
  async #disk(): Promise<DiskUse | undefined> {
    return this.#rootDir === undefined || this.#rootDir === ""
      ? undefined
      : readDisk(this.#rootDir);
  }

  #under(): ReadonlySet<Pressure["type"]> {
    const now = (this.#report?.pressures ?? []).filter(({ status }) => status === "True");
    return new Set(now.map(({ type }) => type));
  }
}

/** The watch over the machine of one engine. */
export function createMachineWatch(options: MachineWatchOptions): MachineWatch {
  return new LocalMachineWatch(options);
}
