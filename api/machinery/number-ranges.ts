/** Runs of numbers as text in their order, e.g. `0-2,7` for 0, 1, 2, 7. Integers from 0. */
export function packNumbers(numbers: readonly number[]): string {
  const runs: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && number === run.last + 1) run.last = number;
    else runs.push({ first: number, last: number });
  }
  return runs
    .map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`))
    .join(",");
}

/** The inverse of {@link packNumbers}. What is no number or run of numbers is left out. */
export function unpackNumbers(text: string): readonly number[] {
  return text.split(",").flatMap((part) => {
    const [, start, end = start] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (start === undefined) return [];
    const length = Math.max(0, Number(end) - Number(start) + 1);
    return Array.from({ length }, (_, index) => Number(start) + index);
  });
}
