import type { BenchOptions, Figure, Section } from "./figure.ts";
import { tunnelFleet } from "./tunnel-fleet.ts";
import { tunnelRatios } from "./tunnel-ratios.ts";
import { tunnelStreams } from "./tunnel-streams.ts";

type Part = (note: (line: string) => void, options: BenchOptions) => Promise<readonly Figure[]>;

const parts: Readonly<Record<string, Part>> = {
  ratios: tunnelRatios,
  streams: tunnelStreams,
  fleet: tunnelFleet,
};

/** The tunnel against straight connections, under many streams, and with many agents. */
export const benchTunnel: Section = async (note, options) => {
  const { only = "" } = options;
  const figures: Figure[] = [];
  for (const [name, part] of Object.entries(parts))
    if (name.includes(only)) figures.push(...(await part(note, options)));
  return figures;
};
