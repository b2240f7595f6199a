import type { Io } from "../command.ts";

const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** e.g. `12.3 MiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1_024 && unit < units.length - 1; unit += 1) value /= 1_024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** One line on a terminal that tells how far something has come; silent elsewhere. */
export type Progress = {
  tell(text: string): void;
  /** Removes the line. */
  end(): void;
};

const everyMs = 100;

/** Progress on standard error, at most ten times a second. */
export function progressOn(io: Io): Progress {
  let shown = false;
  let lastMs = 0;
  return {
    tell(text) {
      const now = io.clock.nowMs();
      if (!io.isTerminal || now - lastMs < everyMs) return;
      lastMs = now;
      shown = true;
      io.err(`\r\u001B[K${text}`);
    },
    end() {
      if (shown) io.err("\r\u001B[K");
      shown = false;
    },
  };
}
