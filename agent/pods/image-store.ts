import type { Clock } from "../../api/machinery/clock.ts";
import type { Engine, EngineEvent, ImageDetail, RegistryAuth } from "../engine/engine.ts";
import { createPullMeter, type PullMeter, type PullState } from "./pull-meter.ts";

/** What the agent knows of the images of one engine, so that fifty equal pods ask once. */
export interface ImageStore {
  /** `undefined` when the engine does not hold it. */
  find(reference: string, signal: AbortSignal): Promise<ImageDetail | undefined>;
  /** Pulls once however many ask for it with the same login at the same time; `onProgress` of the first one is told. */
  pull(reference: string, how: PullOptions, signal: AbortSignal): Promise<void>;
  /** How far a pull that goes on has come; `undefined` when none does. */
  pulling(reference: string): PullState | undefined;
  /** For status and pins: `repository@sha256:...` of the reference's repository, else the image's id. */
  nameOf(imageId: string, reference: string): string;
  /** Whether `nameOf` can tell more of it than its id. */
  knows(imageId: string): boolean;
  /** Images changed: ask again. */
  take(event: EngineEvent): void;
  /** It was not there after all. */
  forget(reference: string): void;
}

/** How an image is pulled. */
export type PullOptions = {
  readonly auth: RegistryAuth | undefined;
  /** It came far enough to be worth telling: at most about once a second, and ten times in all. */
  onProgress(): void;
};

/** `nginx` of `docker.io/library/nginx:1.27@sha256:...`; the registry stays when it is another one. */
export function repositoryOf(reference: string): string {
  const name = reference.replace(/@.*$/, "");
  const slash = name.lastIndexOf("/");
  const colon = name.indexOf(":", slash + 1);
  const untagged = colon < 0 ? name : name.slice(0, colon);
  return untagged.replace(/^docker\.io\//, "").replace(/^library\//, "");
}

/** Told of a pull that ended, and whether the engine did not hold the image before. */
export type OnPulled = (id: string, reference: string, isNew: boolean) => void;

type Pull = {
  readonly reference: string;
  readonly meter: PullMeter;
  readonly done: Promise<void>;
};

/** Who has no login must not get an image because somebody who has one pulls it right now. */
function keyOf(reference: string, auth: RegistryAuth | undefined): string {
  return JSON.stringify([reference, auth ?? null]);
}

class CachingImageStore implements ImageStore {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #onPulled: OnPulled | undefined;
  readonly #byReference = new Map<string, Promise<ImageDetail | undefined>>();
  readonly #digests = new Map<string, readonly string[]>();
  /** By {@link keyOf}. */
  readonly #pulls = new Map<string, Pull>();

  constructor(engine: Engine, clock: Clock, onPulled: OnPulled | undefined) {
    this.#engine = engine;
    this.#onPulled = onPulled;
    this.#clock = clock;
  }

  find(reference: string, signal: AbortSignal): Promise<ImageDetail | undefined> {
    const known = this.#byReference.get(reference);
    if (known !== undefined) return known;
    const asked = this.#ask(reference, signal);
    this.#byReference.set(reference, asked);
    return asked;
  }

  async #ask(reference: string, signal: AbortSignal): Promise<ImageDetail | undefined> {
    try {
      const image = await this.#engine.images.inspect(reference, signal);
      if (image === undefined) this.#byReference.delete(reference);
      else this.#digests.set(image.id, image.digests);
      return image;
    } catch (err) {
      this.#byReference.delete(reference);
      throw err;
    }
  }

  pull(reference: string, how: PullOptions, signal: AbortSignal): Promise<void> {
    const key = keyOf(reference, how.auth);
    const running = this.#pulls.get(key);
    if (running !== undefined) return running.done;
    const meter = createPullMeter();
    const done = this.#drain(reference, { ...how, meter }, signal).finally(() => {
      this.#pulls.delete(key);
      this.#byReference.delete(reference);
    });
    this.#pulls.set(key, { reference, meter, done });
    return done;
  }

  async #drain(
    reference: string,
    how: PullOptions & { readonly meter: PullMeter },
    signal: AbortSignal,
  ): Promise<void> {
    const { auth, meter } = how;
    const before = await this.#heldIds(signal);
    for await (const step of this.#engine.images.pull(reference, auth, signal)) {
      meter.take(step);
      if (meter.isNews(this.#clock.nowMs())) how.onProgress();
    }
    if (before === undefined) return;
    const image = await this.#engine.images.inspect(reference, signal);
    if (image !== undefined) this.#onPulled?.(image.id, reference, !before.has(image.id));
  }

  /** What was there before a pull, if anybody wants to know what it brought. */
  async #heldIds(signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    if (this.#onPulled === undefined) return undefined;
    return new Set((await this.#engine.upkeep.images(signal)).map(({ id }) => id));
  }

  pulling(reference: string): PullState | undefined {
    const running = [...this.#pulls.values()].find((pull) => pull.reference === reference);
    return running?.meter.told();
  }

  nameOf(imageId: string, reference: string): string {
    const repository = repositoryOf(reference);
    const digest = this.#digests.get(imageId)?.find((one) => repositoryOf(one) === repository);
    return digest ?? imageId;
  }

  knows(imageId: string): boolean {
    return this.#digests.has(imageId);
  }

  take(event: EngineEvent): void {
    if (event.type === "image" || event.type === "resync") this.#byReference.clear();
  }

  forget(reference: string): void {
    this.#byReference.delete(reference);
  }
}

/** The images of one engine; `onPulled` is told what each pull brought. */
export function createImageStore(engine: Engine, clock: Clock, onPulled?: OnPulled): ImageStore {
  return new CachingImageStore(engine, clock, onPulled);
}
