import type { ImageSummary } from "../engine/upkeep.ts";
import type { Claim } from "./claims.ts";

/** How full a disk is. Bytes. */
export type DiskUse = { readonly usedBytes: number; readonly totalBytes: number };

/** When images are removed, and which of those that nobody uses stay all the same. */
export type CollectionPolicy = {
  /** Percent of the disk from which images are removed; 100 never removes any. */
  readonly highPercent: number;
  /** Percent of the disk down to which they are removed. */
  readonly lowPercent: number;
  readonly minimumAgeMs: number;
  /** So many images of each Application stay, those that it used last: to return to. */
  readonly kept: number;
};

/** Everything the decision rests on. */
export type Collection = {
  readonly disk: DiskUse;
  readonly images: readonly ImageSummary[];
  /** Ids of images that containers use, foreign ones too, or that pods of the host are about to. */
  readonly inUse: ReadonlySet<string>;
  readonly claims: readonly Claim[];
  readonly policy: CollectionPolicy;
  readonly nowMs: number;
};

/** What to remove, in order, until so much is free. */
export type CollectionPlan = {
  readonly remove: readonly ImageSummary[];
  /** Bytes to be freed; 0 when nothing is to be done. */
  readonly wantedBytes: number;
};

/** Images that an Application may be rolled back to: those that it used last on this host. */
function keptIds({ claims, policy }: Collection): ReadonlySet<string> {
  const ofApplications = claims.filter(({ application }) => application !== "");
  const byApplication = [...Map.groupBy(ofApplications, ({ application }) => application).values()];
  const kept = byApplication.flatMap((own) =>
    own
      .toSorted((a, b) => b.usedMs - a.usedMs || (a.id < b.id ? -1 : 1))
      .slice(0, policy.kept)
      .map(({ id }) => id),
  );
  return new Set(kept);
}

/** Whether an image has only names by which we pulled it. */
function isOurs({ tags }: ImageSummary, { references }: Claim): boolean {
  return tags.every((tag) => references.includes(tag));
}

/**
 * Which images to remove. Only those that an agent of ours pulled and nobody else named, that no
 * container uses and no Application may return to; the longest unused first.
 */
export function planCollection(seen: Collection): CollectionPlan {
  const { disk, images, inUse, claims, policy, nowMs } = seen;
  const percent = disk.totalBytes === 0 ? 0 : (disk.usedBytes * 100) / disk.totalBytes;
  if (policy.highPercent >= 100 || percent < policy.highPercent)
    return { remove: [], wantedBytes: 0 };
  const kept = keptIds(seen);
  const byId = new Map(claims.map((claim) => [claim.id, claim]));
  const free = images.flatMap((image) => {
    const claim = byId.get(image.id);
    if (claim === undefined || !isOurs(image, claim)) return [];
    const isYoung = nowMs - claim.usedMs < policy.minimumAgeMs;
    return isYoung || inUse.has(image.id) || kept.has(image.id) ? [] : [{ image, claim }];
  });
  const inOrder = free.toSorted(
    (a, b) => a.claim.usedMs - b.claim.usedMs || (a.image.id < b.image.id ? -1 : 1),
  );
  const wantedBytes = Math.ceil(disk.usedBytes - (disk.totalBytes * policy.lowPercent) / 100);
  return { remove: inOrder.map(({ image }) => image), wantedBytes };
}
