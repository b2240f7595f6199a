import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { isConflict } from "../../api/machinery/errors.ts";
import { type Node, nodes, type Pod } from "../../api/machinery/resources.ts";
import type { Log, Recorder } from "../../controllers/runtime/reconciler.ts";
import { annotation, containerLabel, label } from "../../crds/labels.ts";
import type { Engine } from "../engine/engine.ts";
import type { ImageSummary } from "../engine/upkeep.ts";
import { membersOf } from "../pods/containers.ts";
import { type Claim, formatClaims, parseClaims } from "./claims.ts";
import { type CollectionPolicy, type DiskUse, planCollection } from "./plan.ts";
import { tagOf } from "./reference.ts";

/** Removes images that nobody needs from one host, and knows which of them are ours to remove. */
export interface ImageCollector {
  /** A pull of ours ended: from now on the image is ours, if the host did not hold it before. */
  claim(id: string, reference: string, isNew: boolean): void;
  /** Looks at images and, when the disk is too full, removes some; resolves to what is left. */
  look(disk: DiskUse | undefined, signal: AbortSignal): Promise<readonly ImageSummary[]>;
  /** The annotation of the Node that remembers it; `undefined` until it was read. */
  record(): string | undefined;
}

/** What a collector needs of one host. */
export type CollectorOptions = {
  readonly engine: Engine;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly nodeName: string;
  /** The pods of the host. */
  pods(): readonly Pod[];
  policy(): CollectionPolicy;
  /** How full the disk is now; `undefined` when nobody can tell. */
  readDisk(): Promise<DiskUse | undefined>;
  /** Whether people asked for no changes on the host. */
  isPaused(): boolean;
};

/** A use is written down again after so long only: the record is for the next agent, not a clock. */
const recordMs = 3_600_000;

type Use = { readonly ids: ReadonlySet<string>; readonly users: ReadonlyMap<string, string> };

class HostImageCollector implements ImageCollector {
  readonly #options: CollectorOptions;
  readonly #claims = new Map<string, Claim>();
  /** When an image was last seen in use; more exact than what is written down. */
  readonly #seenMs = new Map<string, number>();
  #node: Node | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  claim(id: string, reference: string, isNew: boolean): void {
    const known = this.#claims.get(id);
    // What was there before we came is somebody else's, whatever we call it.
    if (known === undefined && !isNew) return;
    const tag = tagOf(reference);
    const references = new Set([...(known?.references ?? []), ...(tag === undefined ? [] : [tag])]);
    const usedMs = this.#options.clock.nowMs();
    const application = known?.application ?? "";
    this.#claims.set(id, { id, references: [...references], application, usedMs });
  }

  record(): string | undefined {
    if (this.#node === undefined) return undefined;
    const text = formatClaims([...this.#claims.values()]);
    return text === "{}" && this.#node.metadata.annotations?.[annotation.pulledImages] === undefined
      ? undefined
      : text;
  }

  async look(disk: DiskUse | undefined, signal: AbortSignal): Promise<readonly ImageSummary[]> {
    await this.#recall(signal);
    const { upkeep } = this.#options.engine;
    const images = await upkeep.images(signal);
    // Nothing is ours: the list of containers, which costs the engine most, is not needed.
    if (this.#claims.size === 0) return images;
    const use = await this.#uses(images, signal);
    this.#note(images, use);
    if (this.#options.isPaused() || disk === undefined) return images;
    const plan = planCollection({
      disk,
      images,
      inUse: use.ids,
      claims: [...this.#claims.values()].map((claim) => this.#refined(claim)),
      policy: this.#options.policy(),
      nowMs: this.#options.clock.nowMs(),
    });
    if (plan.wantedBytes === 0) return images;
    await this.#remove(plan.remove, { disk, wantedBytes: plan.wantedBytes }, signal);
    return upkeep.images(signal);
  }

  /** What an earlier agent wrote down. */
  async #recall(signal: AbortSignal): Promise<void> {
    if (this.#node !== undefined) return;
    const { client, nodeName } = this.#options;
    this.#node = await client.get(nodes, { name: nodeName }, signal);
    const text = this.#node?.metadata.annotations?.[annotation.pulledImages];
    for (const claim of parseClaims(text))
      if (!this.#claims.has(claim.id)) this.#claims.set(claim.id, claim);
  }

  async #uses(images: readonly ImageSummary[], signal: AbortSignal): Promise<Use> {
    const containers = await this.#options.engine.containers.list({}, signal);
    const users = new Map<string, string>();
    for (const { imageId, labels } of containers) {
      const application = labels[label.application] ?? "";
      const namespace = labels[containerLabel.podNamespace];
      const name = labels[containerLabel.container];
      if (application !== "") users.set(imageId, `${namespace}/${application}/${name}`);
    }
    const asked = new Set(this.#options.pods().flatMap(({ spec }) => membersOf(spec).map(imageOf)));
    const named = images.filter(({ tags, digests }) =>
      [...tags, ...digests].some((one) => asked.has(one)),
    );
    return {
      ids: new Set(
        [...containers, ...named.map(({ id }) => ({ imageId: id }))].map(({ imageId }) => imageId),
      ),
      users,
    };
  }

  #note(images: readonly ImageSummary[], { ids, users }: Use): void {
    const nowMs = this.#options.clock.nowMs();
    const present = new Set(images.map(({ id }) => id));
    for (const id of ids) this.#seenMs.set(id, nowMs);
    for (const id of this.#seenMs.keys()) if (!present.has(id)) this.#seenMs.delete(id);
    for (const [id, claim] of this.#claims) {
      const application = users.get(id) ?? claim.application;
      const isOld = ids.has(id) && nowMs - claim.usedMs > recordMs;
      if (!present.has(id)) this.#claims.delete(id);
      else if (isOld || application !== claim.application)
        this.#claims.set(id, { ...claim, application, usedMs: nowMs });
    }
  }

  #refined(claim: Claim): Claim {
    return { ...claim, usedMs: Math.max(claim.usedMs, this.#seenMs.get(claim.id) ?? 0) };
  }

  async #remove(
    doomed: readonly ImageSummary[],
    { disk, wantedBytes }: { readonly disk: DiskUse; readonly wantedBytes: number },
    signal: AbortSignal,
  ): Promise<void> {
    let freed = 0;
    for (const image of doomed) {
      if (freed >= wantedBytes) break;
      if (await this.#removeOne(image, signal)) this.#claims.delete(image.id);
      // Images share layers: only the disk tells what a removal brought.
      const now = await this.#options.readDisk();
      freed = now === undefined ? freed + image.sizeBytes : disk.usedBytes - now.usedBytes;
    }
    if (freed >= wantedBytes || this.#node === undefined) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wantedBytes} bytes, but only found ${Math.max(0, freed)} bytes eligible to free.`;
    this.#options.recorder.event(this.#node, {
      type: "Warning",
      reason: "FreeDiskSpaceFailed",
      message,
    });
  }

  /** Drops its names, then itself; whether it is gone. Never by force: a container may just have come. */
  async #removeOne(
    { id, tags, digests, sizeBytes }: ImageSummary,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { engine, log } = this.#options;
    try {
      for (const reference of [...tags, ...digests, id])
        await engine.images.remove(reference, signal);
      log.info({ image: id, names: tags, sizeBytes }, "removed an image that nobody used");
      return true;
    } catch (err) {
      if (!isConflict(err)) throw err;
      return false;
    }
  }
}

const imageOf = ({ spec }: ReturnType<typeof membersOf>[number]): string => {
  const image = spec.image ?? "";
  return tagOf(image) ?? image;
};

/** The collector of one host. */
export function createImageCollector(options: CollectorOptions): ImageCollector {
  return new HostImageCollector(options);
}
