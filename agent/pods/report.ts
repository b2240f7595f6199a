import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { isConflict, isNotFound, reasonOf } from "../../api/machinery/errors.ts";
import { keyOf, keyText } from "../../api/machinery/object.ts";
import { type Pod, type PodStatus, pods } from "../../api/machinery/resources.ts";
import type { Log, Recorder } from "../../controllers/runtime/reconciler.ts";
import { podReason } from "../../crds/conditions.ts";
import type { ImageStore } from "./image-store.ts";
import type { Seen } from "./plan.ts";
import type { Prober } from "./prober.ts";
import { podStatus, statusPatch } from "./status.ts";
import { isPassing } from "./trouble.ts";

/** What reporting touches. */
export type ReportDeps = {
  readonly client: Client;
  readonly clock: Clock;
  readonly images: ImageStore;
  readonly prober: Prober;
  readonly recorder: Recorder;
  readonly log: Log;
  /** Address of the host, as on its Node. */
  hostIp(): string;
};

/** Tells the API how the pods of a host are. */
export interface Reporter {
  /** Writes the status if it says something new; the Pod as the write left it. */
  report(seen: Seen): Promise<Pod | undefined>;
}

const imageTimeoutMs = 10_000;

/** An adopted container's image was not asked for by this agent: learns its digests. */
async function learnImages({ containers }: Seen, images: ImageStore): Promise<void> {
  for (const { imageId } of containers) {
    if (images.knows(imageId)) continue;
    await images.find(imageId, AbortSignal.timeout(imageTimeoutMs)).catch((err: unknown) => {
      if (!isPassing(err)) throw err; // the id is a name, too
    });
  }
}

/** Containers that wait for their next start now and did not before, and how they ended. */
export function newBackOffs(
  before: PodStatus | undefined,
  after: PodStatus,
): readonly { readonly name: string; readonly exitCode: number }[] {
  const waits = (status: PodStatus | undefined) =>
    (status?.containerStatuses ?? []).filter(
      ({ state }) => state?.waiting?.reason === podReason.crashLoop,
    );
  const known = new Set(waits(before).map(({ name }) => name));
  return waits(after)
    .filter(({ name }) => !known.has(name))
    .map(({ name, lastState }) => ({ name, exitCode: lastState?.terminated?.exitCode ?? 0 }));
}

async function write(deps: ReportDeps, pod: Pod, status: object): Promise<Pod | undefined> {
  const body = { metadata: { uid: pod.metadata.uid }, status };
  try {
    const options = { subresource: "status" };
    return await deps.client.patch(pods, keyOf(pod), { type: "merge", body }, options);
  } catch (err) {
    // Gone, or another one of that name: the watch tells.
    if (!isNotFound(err) && !isConflict(err)) throw err;
    deps.log.debug({ pod: keyText(keyOf(pod)), reason: reasonOf(err) }, "status not written");
    return undefined;
  }
}

/** A reporter of one host. */
export function createReporter(deps: ReportDeps): Reporter {
  const { images, prober, clock, recorder } = deps;
  return {
    async report(seen) {
      const { pod } = seen;
      if (pod.metadata.deletionTimestamp !== undefined) return undefined;
      await learnImages(seen, images);
      const after = podStatus({
        seen,
        verdicts: prober.verdicts(pod.metadata.uid),
        imageName: (imageId, reference) => images.nameOf(imageId, reference),
        pulling: (reference) => images.pulling(reference),
        hostIp: deps.hostIp(),
        nowMs: clock.nowMs(),
      });
      const status = statusPatch(pod.status, after);
      if (status === undefined) return undefined;
      const written = await write(deps, pod, status);
      for (const { name, exitCode } of newBackOffs(pod.status, after)) {
        const message = `Back-off restarting container ${name}, which ended with exit code ${exitCode}`;
        recorder.event(pod, { type: "Warning", reason: "BackOff", message });
      }
      return written;
    },
  };
}
