import type { ImageSummary } from "../engine/upkeep.ts";

/** An image as a Node tells it, in wire form. */
export type NodeImage = { readonly names: readonly string[]; readonly sizeBytes: number };

/** As many as the kubelet tells: the largest ones are what the scheduler and people look for. */
const maxImages = 50;
const maxNames = 5;

/** `Node.status.images`: the largest first, in an order that only a change of them changes. */
export function nodeImages(images: readonly ImageSummary[]): readonly NodeImage[] {
  return images
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1))
    .slice(0, maxImages)
    .map(({ digests, tags, id, sizeBytes }) => {
      const names = [...digests.toSorted(), ...tags.toSorted()].slice(0, maxNames);
      return { names: names.length === 0 ? [id] : names, sizeBytes };
    });
}
