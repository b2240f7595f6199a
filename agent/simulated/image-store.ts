import { createHash, randomBytes } from "node:crypto";
import { noSuchImage } from "./api-error.ts";
import type { ImageConfig } from "./image-config.ts";

/** An image that the simulated engine holds. */
export type SimulatedImage = {
  readonly id: string;
  /** The reference it first came by: its behaviour hangs on it. */
  readonly source: string;
  /** Made up by a pull, so it runs whatever command it is given; an imported one is strict. */
  readonly pretended: boolean;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly config: ImageConfig;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
};

/** The images of one engine. A reference is a tag, a digest or an id. */
export type ImageStore = {
  find(reference: string): SimulatedImage | undefined;
  list(): readonly SimulatedImage[];
  /** Adds an image under a reference, taking the tag from whichever image had it. */
  add(reference: string, config: ImageConfig, sizeBytes: number): SimulatedImage;
  /** The digest that the pretended registry gives for a reference. */
  digestOf(reference: string): string;
  /** Adds what a pull of `reference` brings; the same reference brings the same image, also by the
   * digest that was told for it. */
  pull(reference: string): SimulatedImage;
  /** Takes the reference away, and the image with its last one; gives the image as it was. */
  remove(reference: string): SimulatedImage;
};

const plainConfig: ImageConfig = {
  Env: ["PATH=/bin"],
  Cmd: ["/bin/run"],
  Entrypoint: [],
  ExposedPorts: { "80/tcp": {} },
  Labels: {},
};

const sha256 = (text: string): string =>
  `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** With a tag, and without the registry that everybody leaves out. */
export function normalReference(reference: string): string {
  const short = reference.replace(/^docker\.io\//, "").replace(/^library\//, "");
  if (short.includes("@") || /:[^/]+$/.test(short)) return short;
  return `${short}:latest`;
}

const repositoryOf = (reference: string): string =>
  reference.replace(/@.*$/, "").replace(/:[^/]+$/, "");

const digestPattern = /@(sha256:[0-9a-f]+)$/;

type Shelf = Map<string, SimulatedImage>;

function findImage(images: Shelf, reference: string): SimulatedImage | undefined {
  const byId = images.get(reference) ?? images.get(`sha256:${reference}`);
  if (byId !== undefined) return byId;
  const wanted = normalReference(reference);
  const digest = digestPattern.exec(wanted)?.[1];
  return [...images.values()].find(({ tags, digests }) =>
    digest === undefined
      ? tags.includes(wanted)
      : digests.includes(`${repositoryOf(wanted)}@${digest}`),
  );
}

function untag(images: Shelf, reference: string): void {
  for (const image of images.values()) {
    const tags = image.tags.filter((tag) => tag !== reference);
    if (tags.length !== image.tags.length) images.set(image.id, { ...image, tags });
  }
}

function put(images: Shelf, reference: string, image: SimulatedImage): SimulatedImage {
  untag(images, reference);
  const known = images.get(image.id);
  const tags = reference.includes("@") ? [] : [reference];
  const merged = { ...image, tags: [...new Set([...(known?.tags ?? []), ...tags])] };
  images.set(image.id, merged);
  return merged;
}

function removeImage(images: Shelf, reference: string): SimulatedImage {
  const image = findImage(images, reference);
  if (image === undefined) throw noSuchImage(reference);
  const name = normalReference(reference);
  untag(images, name);
  const left = images.get(image.id)?.tags ?? [];
  if (left.length === 0 || !image.tags.includes(name)) images.delete(image.id);
  return image;
}

/** An engine without images. */
export function createImageStore(): ImageStore {
  const images: Shelf = new Map();
  const told = new Map<string, string>(); // digest to the reference it was told for
  const digestOf = (reference: string): string => {
    const name = normalReference(reference);
    const given = digestPattern.exec(name)?.[1];
    if (given !== undefined) return given;
    const digest = sha256(name);
    told.set(digest, name);
    return digest;
  };
  const bare = { tags: [], digests: [] };

  return {
    digestOf,
    find: (reference) => findImage(images, reference),
    remove: (reference) => removeImage(images, reference),
    list: () => [...images.values()],
    add: (reference, config, sizeBytes) => {
      const name = normalReference(reference);
      const id = sha256(randomBytes(16).toString("hex"));
      const known = { id, source: name, pretended: false, config, sizeBytes };
      return put(images, name, { ...bare, ...known, createdAtMs: Date.now() });
    },
    pull: (reference) => {
      const name = normalReference(reference);
      const digest = digestOf(name);
      return put(images, name, {
        ...bare,
        id: sha256(`config of ${digest}`),
        source: told.get(digest) ?? name,
        pretended: true,
        digests: [`${repositoryOf(name)}@${digest}`],
        config: plainConfig,
        sizeBytes: 2_000_000,
        createdAtMs: Date.now(),
      });
    },
  };
}
