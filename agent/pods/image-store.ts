import type { Engine, EngineEvent, ImageDetail, RegistryAuth } from "../engine/engine.ts";

/** What the agent knows of the images of one engine, so that fifty equal pods ask once. */
export interface ImageStore {
  /** `undefined` when the engine does not hold it. */
  find(reference: string, signal: AbortSignal): Promise<ImageDetail | undefined>;
  /** Pulls once however many ask for it at the same time. */
  pull(reference: string, auth: RegistryAuth | undefined, signal: AbortSignal): Promise<void>;
  /** For status and pins: `repository@sha256:...` of the reference's repository, else the image's id. */
  nameOf(imageId: string, reference: string): string;
  /** Whether `nameOf` can tell more of it than its id. */
  knows(imageId: string): boolean;
  /** Images changed: ask again. */
  take(event: EngineEvent): void;
  /** It was not there after all. */
  forget(reference: string): void;
}

/** `nginx` of `docker.io/library/nginx:1.27@sha256:...`; the registry stays when it is another one. */
export function repositoryOf(reference: string): string {
  const name = reference.replace(/@.*$/, "");
  const slash = name.lastIndexOf("/");
  const colon = name.indexOf(":", slash + 1);
  const untagged = colon < 0 ? name : name.slice(0, colon);
  return untagged.replace(/^docker\.io\//, "").replace(/^library\//, "");
}

class CachingImageStore implements ImageStore {
  readonly #engine: Engine;
  readonly #byReference = new Map<string, Promise<ImageDetail | undefined>>();
  readonly #digests = new Map<string, readonly string[]>();
  readonly #pulls = new Map<string, Promise<void>>();

  constructor(engine: Engine) {
    this.#engine = engine;
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

  async pull(
    reference: string,
    auth: RegistryAuth | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const running = this.#pulls.get(reference);
    if (running !== undefined) return running;
    const pull = this.#drain(reference, auth, signal).finally(() => {
      this.#pulls.delete(reference);
      this.#byReference.delete(reference);
    });
    this.#pulls.set(reference, pull);
    return pull;
  }

  async #drain(reference: string, auth: RegistryAuth | undefined, signal: AbortSignal) {
    for await (const progress of this.#engine.images.pull(reference, auth, signal)) void progress;
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

/** The images of one engine. */
export function createImageStore(engine: Engine): ImageStore {
  return new CachingImageStore(engine);
}
