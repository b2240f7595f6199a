/** Does `work` for 0 to `count` - 1, so many at once. @throws what the first of them threw */
export async function inCrowd(
  count: number,
  width: number,
  work: (at: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const at = next;
      next += 1;
      await work(at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}
