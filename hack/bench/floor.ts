import type { BenchHost, BenchHosts } from "./hosts.ts";
import { inParallel, type RawSpec } from "./raw-engine.ts";
import { versions } from "./system.ts";

/** Engines on 2 to 16 cores are at their best somewhere here; the better one counts. */
export const floorWidths = [8, 4] as const;

/** Seconds that the engines alone need. */
export type FloorTimes = {
  /** Calls at once. */
  readonly width: number;
  /** Create and start of all. */
  readonly create: number;
  /** Stop, remove, create and start of all. */
  readonly update: number;
};

type Placed = { readonly host: BenchHost; readonly name: string };

async function seconds(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}

/** What a control plane without any cost of its own would need; leaves nothing on the hosts. */
export async function floorRound(
  { hosts }: BenchHosts,
  work: {
    readonly slots: number;
    readonly network: RawSpec["network"];
    readonly width: number;
  },
): Promise<FloorTimes> {
  const { slots, network, width } = work;
  const places = Array.from({ length: slots }, (_, slot): readonly Placed[] => {
    const host = hosts[slot % hosts.length];
    return host === undefined ? [] : [{ host, name: `floor-${slot}` }];
  }).flat();
  const ids = new Map<string, string>();
  const start = async ({ host, name }: Placed, image: string): Promise<void> => {
    const id = await host.engine.create(name, { image, network });
    ids.set(name, id);
    await host.engine.start(id);
  };
  const create = await seconds(() =>
    inParallel(places, width, (place) => start(place, versions.v1)),
  );
  const update = await seconds(() =>
    inParallel(places, width, async (place) => {
      const old = ids.get(place.name) ?? "";
      await place.host.engine.stop(old, 1);
      await place.host.engine.remove(old);
      await start(place, versions.v2);
    }),
  );
  await inParallel(places, 8, ({ host, name }) => host.engine.remove(ids.get(name) ?? ""));
  return { width, create, update };
}
