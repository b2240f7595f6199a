import type { PullProgress } from "../engine/engine.ts";

/** How far a pull has come. Bytes of compressed layers, as far as the registry has told their sizes. */
export type PullState = {
  readonly currentBytes: number;
  readonly totalBytes: number;
  /** Never falls, though more layers become known. Integer, 0 to 100. */
  readonly percent: number;
};

/** Adds up the layers of one pull, and says when their sum is worth a write. */
export interface PullMeter {
  take(step: PullProgress): void;
  /** Whether to tell now; if so, {@link told} moves on. `nowMs`: milliseconds since the Unix epoch. */
  isNews(nowMs: number): boolean;
  /** What was told last; absent until then, so that a status between two tells says the same. */
  told(): PullState | undefined;
}

/** Every telling is a durable write: a tenth of the whole, and a second, must lie between two. */
const stepPercent = 10;
const stepMs = 1_000;

type Layer = { readonly currentBytes: number; readonly totalBytes: number };

const isHere = (status: string): boolean =>
  /^(Download complete|Extracting|Pull complete|Verifying Checksum)/.test(status);

/** What a layer has become; extraction starts its count anew, but nothing more is fetched by it. */
function nextLayer(layer: Layer | undefined, step: PullProgress): Layer | undefined {
  if (isHere(step.status))
    return layer === undefined ? undefined : { ...layer, currentBytes: layer.totalBytes };
  const { currentBytes, totalBytes } = step;
  if (currentBytes === undefined || totalBytes === undefined || totalBytes <= 0) return layer;
  return { currentBytes: Math.min(currentBytes, totalBytes), totalBytes };
}

/** A meter of a pull that has just begun. */
export function createPullMeter(): PullMeter {
  const layers = new Map<string, Layer>();
  let told: PullState | undefined;
  let toldAtMs: number | undefined;

  const sum = (): PullState => {
    const all = [...layers.values()];
    const currentBytes = all.reduce((bytes, layer) => bytes + layer.currentBytes, 0);
    const totalBytes = all.reduce((bytes, layer) => bytes + layer.totalBytes, 0);
    const percent = totalBytes === 0 ? 0 : Math.floor((100 * currentBytes) / totalBytes);
    return { currentBytes, totalBytes, percent: Math.max(percent, told?.percent ?? 0) };
  };

  return {
    take: (step) => {
      if (step.id === undefined) return;
      const next = nextLayer(layers.get(step.id), step);
      if (next !== undefined) layers.set(step.id, next);
    },
    isNews: (nowMs) => {
      toldAtMs ??= nowMs; // a pull that is over within a second is not worth a word
      if (nowMs - toldAtMs < stepMs || layers.size === 0) return false;
      const now = sum();
      if (told !== undefined && now.percent - told.percent < stepPercent) return false;
      told = now;
      toldAtMs = nowMs;
      return true;
    },
    told: () => told,
  };
}

const mebibytes = (bytes: number): string => (bytes / (1 << 20)).toFixed(1);

/** In the words of a status: `Pulling 34 % (12.1 of 35.0 MiB)`. */
export function pullMessage({ currentBytes, totalBytes, percent }: PullState): string {
  return `Pulling ${percent} % (${mebibytes(currentBytes)} of ${mebibytes(totalBytes)} MiB)`;
}
