import type { Figure } from "../bench/figure.ts";
import { inCrowd } from "./crowd.ts";
import { cancelledLog, openLogSessions } from "./log-client.ts";
import { openCalls, smallExec, type SoakRig, soakPod, type Trial } from "./rig.ts";
import {
  badWeather,
  cancelledLogs,
  deafNetwork,
  frozenAgent,
  manyExecs,
  restarts,
  stalledReaders,
} from "./trials.ts";
import { settledVitals, type Vitals, vitalsOf, vitalsText } from "./vitals.ts";

/** All trials by name, in their order: the server's process is another one after the last. */
export const trials: Readonly<Record<string, Trial>> = {
  logs: cancelledLogs,
  execs: manyExecs,
  stalled: stalledReaders,
  frozen: frozenAgent,
  deaf: deafNetwork,
  weather: badWeather,
  restarts,
};

/** What is not given back when all is over. Connections that are kept for the next call are a dozen or two. */
const growth = { server: { mb: 64, fds: 24 }, agent: { mb: 48, fds: 24 } } as const;

type Ends = { readonly server: Vitals; readonly agent: Vitals };

async function endsOf({ world }: SoakRig): Promise<Ends> {
  return {
    server: await vitalsOf(world.server().pid),
    agent: await vitalsOf(world.agent.pid),
  };
}

async function settledEnds({ world }: SoakRig, before: Ends): Promise<Ends> {
  return {
    server: await settledVitals(world.server().pid, before.server, growth.server),
    agent: await settledVitals(world.agent.pid, before.agent, growth.agent),
  };
}

function growthFigures(trial: string, before: Ends, after: Ends): readonly Figure[] {
  return (["server", "agent"] as const).flatMap((end): readonly Figure[] => {
    const { fds, mb } = growth[end];
    const from = `${vitalsText(before[end])} -> ${vitalsText(after[end])}`;
    return [
      {
        what: `${trial}: ${end}, more descriptors`,
        value: after[end].fds - before[end].fds,
        unit: "",
        atMost: fds,
        from,
      },
      {
        what: `${trial}: ${end}, more memory`,
        value: after[end].mb - before[end].mb,
        unit: "MB",
        atMost: mb,
      },
    ];
  });
}

/** Code is compiled and heaps have grown before anything is compared. */
export async function warmUp(rig: SoakRig): Promise<void> {
  await inCrowd(300, 10, () => smallExec(rig));
  using sessions = openLogSessions(rig.world.access);
  await inCrowd(300, 10, () => cancelledLog(sessions.next(), soakPod, undefined));
}

/** Runs one trial, and looks what both ends hold before it and once they have settled after it. */
export async function runTrial(
  rig: SoakRig,
  name: string,
  trial: Trial,
): Promise<readonly Figure[]> {
  const before = await endsOf(rig);
  const figures = await trial(rig);
  const after = await settledEnds(rig, before);
  const left = await openCalls(rig);
  return [
    ...figures,
    ...growthFigures(name, before, after),
    { what: `${name}: calls left in the tunnel`, value: left, unit: "", atMost: 0 },
  ];
}
