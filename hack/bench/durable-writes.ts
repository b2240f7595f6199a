/** What one run of {@link measureWrites} saw. */
export type Rate = {
  readonly perSecond: number;
  /** Milliseconds from call to acknowledgement, at the median. */
  readonly p50Ms: number;
  /** Microseconds of this process's CPU per write. */
  readonly cpuUs: number;
};

/** Runs `writers` loops side by side for a time; each write must be durable when it resolves. */
export async function measureWrites(
  writers: number,
  durationMs: number,
  write: (writer: number, round: number) => Promise<void>,
): Promise<Rate> {
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + durationMs;
  const loop = async (writer: number): Promise<void> => {
    for (let round = 0; performance.now() < end; round++) {
      const begun = performance.now();
      await write(writer, round);
      latencies.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => loop(writer)));
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    perSecond: latencies.length / seconds,
    p50Ms: sorted[sorted.length >>> 1] ?? 0,
    cpuUs: (user + system) / Math.max(1, latencies.length),
  };
}

/** The middle of some figures: one disturbed round does not move it. */
export function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >>> 1] ?? Number.NaN;
}
