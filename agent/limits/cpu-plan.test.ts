import fc from "fast-check";
import { expect, test } from "vitest";
import { type Cpu, type CpuWorld, grantCpus, plainCpus, sharedCpus } from "./cpu-plan.ts";

/** As Intel numbers them: the second threads of all cores come after the first ones. */
function machine(sockets: number, cores: number, threads: number): readonly Cpu[] {
  const all: Cpu[] = [];
  for (let thread = 0; thread < threads; thread += 1)
    for (let socket = 0; socket < sockets; socket += 1)
      for (let core = 0; core < cores; core += 1)
        all.push({ id: all.length, core: `${socket}/${core}`, socket: `${socket}` });
  return all;
}

const world = (cpus: readonly Cpu[], held: readonly (readonly number[])[] = []): CpuWorld => ({
  cpus,
  holders: held.map((list, index) => ({ id: `c${index}`, cpus: list })),
  shared: 1,
});

test.each([
  ["the highest core of four", world(plainCpus(4)), 1, [3]],
  ["both threads of one core", world(machine(1, 4, 2)), 2, [3, 7]],
  ["one thread, of a core that is broken into", world(machine(1, 4, 2), [[7]]), 1, [3]],
  ["a whole core beside a broken one", world(machine(1, 4, 2), [[7]]), 2, [2, 6]],
  ["a whole socket", world(machine(2, 2, 1)), 2, [2, 3]],
  ["the socket with less room", world(machine(2, 3, 1), [[5]]), 1, [4]],
  ["a core and a thread", world(machine(1, 4, 2)), 3, [3, 6, 7]],
])("grantCpus() gives %s", (_what, given, count, cpus) => {
  expect(grantCpus(given, count)).toEqual({ cpus });
});

test("grantCpus() refuses with the numbers, and leaves something to share", () => {
  expect(grantCpus(world(plainCpus(4), [[3], [2]]), 2)).toEqual({ free: 1, total: 4, held: 2 });
  expect(grantCpus(world(plainCpus(1)), 1)).toEqual({ free: 0, total: 1, held: 0 });
  expect(sharedCpus(world(plainCpus(4), [[3], [1]]))).toEqual([0, 2]);
});

const order = fc.record({ count: fc.integer({ min: 1, max: 6 }), ends: fc.boolean() });
const shape = fc.tuple(
  fc.integer({ min: 1, max: 2 }),
  fc.integer({ min: 1, max: 4 }),
  fc.constantFrom(1, 2),
);

type Order = { readonly count: number; readonly ends: boolean };

/** The world after one more order; it throws on a grant that nobody may give. */
function afterOrder(before: CpuWorld, { count, ends }: Order): CpuWorld {
  const grant = grantCpus(before, count);
  const spare = sharedCpus(before).length - before.shared;
  const given = "cpus" in grant ? grant.cpus : [];
  expect(given).toHaveLength(count <= spare ? count : 0);
  expect(grantCpus(before, count)).toEqual(grant);
  const holders = [...before.holders, { id: "new", cpus: given }];
  return { ...before, holders: ends ? holders.slice(1) : holders };
}

test("grants are disjoint, within the machine, never all of it, and free again at their end", () => {
  fc.assert(
    fc.property(shape, fc.array(order, { maxLength: 20 }), ([sockets, cores, threads], orders) => {
      const cpus = machine(sockets, cores, threads);
      let now = world(cpus);
      for (const one of orders) {
        now = afterOrder(now, one);
        const held = now.holders.flatMap((holder) => holder.cpus);
        expect(new Set(held).size).toBe(held.length);
        expect(held.every((id) => cpus.some((cpu) => cpu.id === id))).toBe(true);
        const shared = sharedCpus(now);
        expect(shared).toHaveLength(cpus.length - held.length);
        expect(shared.length).toBeGreaterThan(0);
      }
      expect(sharedCpus(world(cpus))).toHaveLength(cpus.length);
    }),
  );
});
