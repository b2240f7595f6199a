/** CPUs by their number as the kernel has it, each once, ascending. */
export type CpuList = readonly number[];

/** Highest number that is believed; a list is bounded by it. */
const highest = 4095;

/**
 * Reads the kernel's text for a set of CPUs, e.g. `0-2,5`; empty text is no CPU. `undefined` if it
 * is no such text.
 */
export function parseCpus(text: string): CpuList | undefined {
  const cpus = new Set<number>();
  for (const part of text.trim().split(",")) {
    if (part === "") continue;
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
    if (match === null) return undefined;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (first > last || last > highest) return undefined;
    for (let cpu = first; cpu <= last; cpu += 1) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** The kernel's text for a set of CPUs, the shortest. */
export function formatCpus(cpus: CpuList): string {
  const ranges: { first: number; last: number }[] = [];
  for (const cpu of cpus.toSorted((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && cpu <= range.last + 1) range.last = cpu;
    else ranges.push({ first: cpu, last: cpu });
  }
  return ranges
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
    .join(",");
}
