import { expect, test } from "vitest";
import { shared } from "./shared-read.ts";

/** Reads that end when they are told to, with their number. */
function reads() {
  const ends: ((how: "ok" | "fails") => void)[] = [];
  const read = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const number = ends.length;
      ends.push((how) => (how === "ok" ? resolve(number) : reject(new Error(`read ${number}`))));
    });
  return { ends, ask: shared(read) };
}

test("shared() answers all that ask during a read by the one after it", async () => {
  const { ends, ask } = reads();
  const first = ask();
  const others = [ask(), ask(), ask()];
  expect(ends).toHaveLength(1);
  ends[0]?.("ok");
  expect(await first).toBe(0);
  await Promise.resolve();
  expect(ends).toHaveLength(2);
  ends[1]?.("ok");
  expect(await Promise.all(others)).toEqual([1, 1, 1]);
  const later = ask();
  ends[2]?.("ok");
  expect(await later).toBe(2);
});

test("shared() reads again after a read that failed", async () => {
  const { ends, ask } = reads();
  const first = ask();
  const second = ask();
  ends[0]?.("fails");
  await expect(first).rejects.toThrow("read 0");
  ends[1]?.("ok");
  expect(await second).toBe(1);
});
