import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod } from "../../api/machinery/resources.ts";
import type { ContainerIo } from "../engine/engine.ts";
import { createGate } from "../engine/gate.ts";
import { type Delivery, deliveriesOf } from "./deliveries.ts";
import { defaultLimits, download, type DownloadLimits } from "./download.ts";
import { safeTar } from "./unpack.ts";

/** Brings the data that pods ask for into their volumes. */
export interface DataDelivery {
  /**
   * Fetches, checks and unpacks what goes through a container that never ran. Once per container, unless
   * it fails.
   * @throws Error naming the URL and what is wrong
   */
  deliver(pod: Pod, container: string, id: string, signal: AbortSignal): Promise<void>;
  /** Whether the container waits for data that this agent did not bring yet. */
  isDue(pod: Pod, container: string, id: string): boolean;
}

const unpackLimits = { maxBytes: 4 * 1024 ** 3, maxEntries: 100_000 };
/** Two at once: a third would only make both slower, and take disk for all three. */
const maxConcurrent = 2;

/** Delivery through one engine. */
export function createDataDelivery(
  io: Pick<ContainerIo, "putArchive">,
  limits: DownloadLimits = defaultLimits,
): DataDelivery {
  const delivered = new Set<string>();
  const gate = createGate(maxConcurrent);
  const bring = async (id: string, delivery: Delivery, signal: AbortSignal): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), "lighthouse-data-"));
    try {
      const file = join(folder, "download");
      await download(delivery.source, file, limits, signal);
      const tar = await safeTar(file, delivery.source.url, unpackLimits);
      await io.putArchive(id, delivery.mountPath, tar, signal);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  return {
    isDue: (pod, container, id) => !delivered.has(id) && deliveriesOf(pod, container).length > 0,
    async deliver(pod, container, id, signal) {
      if (delivered.has(id)) return;
      for (const delivery of deliveriesOf(pod, container))
        await gate.enter(() => bring(id, delivery, signal), signal);
      delivered.add(id);
    },
  };
}
