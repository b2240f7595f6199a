import { setTimeout as sleep } from "node:timers/promises";
import type { BenchHosts } from "./hosts.ts";
import { countsText, type Stand, type System, type Version, type Wish } from "./system.ts";

/** What a system made of a scenario. */
export type Outcome = {
  /** What happened, in a few words. */
  readonly says: string;
  readonly right: boolean;
  /** From the change to its end; absent when no end was seen. */
  readonly seconds?: number;
};

/** What both systems of a scenario share: the hosts, and moments that they wait for together. */
export type Stage = {
  readonly site: BenchHosts;
  /** Resolves once all systems are here and `act` has been done, once for all of them. */
  together(act: () => Promise<void>): Promise<void>;
};

/** A situation that both systems are put in. */
export type Scenario = {
  readonly name: string;
  /** What is right, in a few words. */
  readonly wanted: string;
  /** Breaks something that others need: it is played alone. */
  readonly alone?: true;
  /** Breaks something that both systems need: one after the other. */
  readonly apart?: true;
  /** Name of what it runs. */
  readonly app: string;
  run(system: System, stage: Stage): Promise<Outcome>;
};

/** Nothing is waited for longer, seconds; a system that hangs is told from a slow one. */
const patience = 40;
const replicas = 6;
const monitorSeconds = 5;

const begin = (): (() => number) => {
  const begunMs = performance.now();
  return () => (performance.now() - begunMs) / 1_000;
};

/** Looks until it holds; the seconds that took, `undefined` when it never did. */
async function until(
  holds: () => Promise<boolean>,
  withinSeconds = patience,
): Promise<number | undefined> {
  const passed = begin();
  while (passed() < withinSeconds) {
    const answer = await holds().catch(() => false); // it may be away for a while
    if (answer) return passed();
    await sleep(100);
  }
  return undefined;
}

const allRun = (running: readonly Version[], version: Version, count = replicas): boolean =>
  running.length === count && running.every((one) => one === version);

async function deploy(system: System, wish: Wish, count = replicas): Promise<void> {
  const refusal = await system.apply(wish);
  if (refusal !== undefined) throw new Error(`${system.name} refuses ${wish.name}: ${refusal}`);
  const { name, version } = wish;
  const is = async (): Promise<boolean> =>
    allRun(await system.running(name), version, count) &&
    (system.name === "Swarm" || (await system.stand(name)) === "completed");
  if ((await until(is, 60)) !== undefined) return;
  const found = countsText(await system.running(name));
  throw new Error(`${system.name}: ${name} has ${found}, wanted ${count} ${version}`);
}

const wish = (name: string, more: Partial<Wish> = {}): Wish => ({
  name,
  version: "v1",
  replicas,
  batch: 2,
  monitorSeconds,
  ...more,
});

/** Waits for the end of a change that was just asked for. */
async function untilEnded(
  system: System,
  name: string,
  withinSeconds?: number,
): Promise<{ readonly stand: Stand; readonly seconds?: number }> {
  let stand: Stand = "going";
  const seconds = await until(async () => {
    stand = await system.stand(name);
    return stand !== "going";
  }, withinSeconds);
  return { stand, ...(seconds === undefined ? {} : { seconds }) };
}

/** Where a change ended and what runs then. */
async function ending(
  system: System,
  name: string,
  isRight: (stand: Stand, running: readonly Version[]) => boolean,
  withinSeconds?: number,
): Promise<Outcome> {
  const { stand, seconds } = await untilEnded(system, name, withinSeconds);
  // The last containers may be on their way while the verdict is told.
  let running = await system.running(name);
  const settled = await until(async () => {
    running = await system.running(name);
    return isRight(stand, running);
  }, 4);
  const is = stand === "going" ? `still going after ${withinSeconds ?? patience} s` : stand;
  return {
    says: `${is}, runs ${countsText(running)}`,
    right: settled !== undefined,
    ...(seconds === undefined ? {} : { seconds }),
  };
}

/** The fewest containers that ran while something went on. */
async function fewest(running: () => Promise<number>, work: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  const watch = async (): Promise<number> => {
    let least = await running();
    while (!over.signal.aborted) {
      least = Math.min(least, await running());
      await sleep(50);
    }
    return least;
  };
  const [least] = await Promise.all([watch(), work.finally(() => over.abort())]);
  return least;
}

const onGood = (version: Version) => (_stand: Stand, running: readonly Version[]) =>
  allRun(running, version);

const hostCutOff: Scenario = {
  name: "host cut off for 25 s in a healthy update",
  app: "cut",
  alone: true,
  wanted: "the update ends on v2 everywhere",
  async run(system, { site, together }) {
    const all = wish("cut", { replicas: "every host", batch: 1 });
    const [, , third] = site.hosts;
    await deploy(system, all, 3);
    await together(async () => third?.cable.cut());
    await system.apply({ ...all, version: "v2" });
    const passed = begin();
    await sleep(25_000);
    const meanwhile = countsText(await system.running("cut"));
    await together(async () => third?.cable.mend());
    const isThrough = async (): Promise<boolean> =>
      allRun(await system.running("cut"), "v2", 3) && (await system.stand("cut")) === "completed";
    const found = await until(isThrough);
    const says = `${meanwhile} while away, then ${countsText(await system.running("cut"))}`;
    const stand = await system.stand("cut");
    const right = found !== undefined;
    return { says: `${says} (${stand})`, right, ...(right ? { seconds: passed() } : {}) };
  },
};

const hostDownBefore: Scenario = {
  name: "host down before the update",
  app: "down",
  alone: true,
  wanted: "the others get v2 at once, the host on its return",
  async run(system, { site, together }) {
    const all = wish("down", { replicas: "every host", batch: 1 });
    const [, , third] = site.hosts;
    await deploy(system, all, 3);
    await together(async () => third?.cable.cut());
    const isKnown = await until(async () => !(await system.isUp(2)), 60);
    await together(async () => undefined);
    await system.apply({ ...all, version: "v2" });
    const { stand, seconds } = await untilEnded(system, "down");
    await together(async () => third?.cable.mend());
    const back = await until(async () => allRun(await system.running("down"), "v2", 3));
    const right = stand === "completed" && back !== undefined && isKnown !== undefined;
    const then = back === undefined ? "never" : `${back.toFixed(0)} s`;
    return {
      says: `${stand}; the host has v2 ${then} after its return`,
      right,
      ...(seconds === undefined ? {} : { seconds }),
    };
  },
};

const badAfterBad: Scenario = {
  name: "good, then bad A (paused), then bad B",
  app: "twice",
  wanted: "back on the good version",
  async run(system) {
    await deploy(system, wish("twice"));
    await system.apply(wish("twice", { version: "crash", onFailure: "pause" }));
    await untilEnded(system, "twice");
    await system.apply(wish("twice", { version: "crash2" }));
    return ending(system, "twice", onGood("v1"));
  },
};

const nowhere: Scenario = {
  name: "constraint that no host meets",
  app: "nowhere",
  wanted: "a verdict within 10 s, v1 untouched",
  async run(system) {
    await deploy(system, wish("nowhere"));
    await system.apply(wish("nowhere", { version: "v2", nowhere: true, deadlineSeconds: 10 }));
    const isRight = (stand: Stand, running: readonly Version[]): boolean =>
      stand === "rolled back" && allRun(running, "v1");
    return ending(system, "nowhere", isRight);
  },
};

const diesLater: Scenario = {
  name: "version that dies 12 s after its start, default windows",
  app: "mortal",
  wanted: "back on v1",
  async run(system) {
    const { monitorSeconds: _default, ...plain } = wish("mortal", { batch: replicas });
    await deploy(system, plain, replicas).catch((err: unknown) => {
      if (system.name === "Swarm") throw err;
    });
    await until(async () => (await system.stand("mortal")) === "completed", 60);
    await system.apply({ ...plain, version: "mortal" });
    const passed = begin();
    const { stand, seconds } = await untilEnded(system, "mortal");
    await sleep(Math.max(0, 16 - passed()) * 1_000);
    const running = await system.running("mortal");
    const right = stand === "rolled back" && allRun(running, "v1");
    const says = `${stand}, after 16 s runs ${countsText(running)}`;
    return { says, right, ...(seconds === undefined ? {} : { seconds }) };
  },
};

const exitCode: Scenario = {
  name: "exit code of the command line after a rollback",
  app: "code",
  wanted: "not 0",
  async run(system) {
    await deploy(system, wish("code"));
    const passed = begin();
    const code = await system.exitCodeOf(wish("code", { version: "crash" }));
    return { says: `exit code ${code}`, right: code !== 0, seconds: passed() };
  },
};

const noImage: Scenario = {
  name: "image that cannot be pulled",
  app: "absent",
  wanted: "a verdict, and no container of v1 is stopped",
  async run(system) {
    await deploy(system, wish("absent"));
    const count = async (): Promise<number> => (await system.running("absent")).length;
    const change = async (): Promise<Outcome> => {
      await system.apply(wish("absent", { version: "absent", deadlineSeconds: 15 }));
      return ending(system, "absent", (stand) => stand === "rolled back");
    };
    const outcome = change();
    const least = await fewest(count, outcome);
    const { says, right, seconds } = await outcome;
    return {
      says: `${says}, never fewer than ${least} of ${replicas}`,
      right: right && least === replicas,
      ...(seconds === undefined ? {} : { seconds }),
    };
  },
};

const portAndStartFirst: Scenario = {
  name: "fixed host port, new one started first",
  app: "port",
  wanted: "refused at once, or v2 everywhere",
  async run(system) {
    const port = { replicas: "every host", batch: 1, hostPort: 18_080 } as const;
    const passed = begin();
    const refusal = await system.apply(wish("port", port));
    if (refusal !== undefined) {
      return { says: "refused, naming the field and the way out", right: true, seconds: passed() };
    }
    await until(async () => allRun(await system.running("port"), "v1", 3));
    await system.apply(wish("port", { ...port, version: "v2" }));
    return ending(system, "port", (_stand, running) => allRun(running, "v2", 3));
  },
};

const undoTwice: Scenario = {
  name: "undo twice after v1, v2, v3",
  app: "undo",
  wanted: "v2, then v1",
  async run(system) {
    const fast = { batch: replicas, monitorSeconds: 1 };
    await deploy(system, wish("undo", fast));
    for (const version of ["v2", "v3"] as const) {
      await system.apply(wish("undo", { ...fast, version }));
      await until(async () => allRun(await system.running("undo"), version));
      await untilEnded(system, "undo");
    }
    const passed = begin();
    const seen: string[] = [];
    for (let time = 0; time < 2; time++) {
      await system.undo("undo");
      await untilEnded(system, "undo");
      seen.push(countsText(await system.running("undo")));
    }
    const right = seen.join() === `${replicas} v2,${replicas} v1`;
    return { says: seen.join(", then "), right, seconds: passed() };
  },
};

const crashMidway: Scenario = {
  name: "control plane killed with SIGKILL midway, started again",
  app: "killed",
  alone: true,
  wanted: "the update ends on v2",
  apart: true,
  async run(system) {
    await deploy(system, wish("killed", { batch: 1 }));
    await system.apply(wish("killed", { batch: 1, version: "v2" }));
    await until(async () => (await system.running("killed")).includes("v2"));
    const passed = begin();
    await system.crash();
    const isThrough = async (): Promise<boolean> =>
      allRun(await system.running("killed"), "v2") &&
      (await system.stand("killed")) === "completed";
    const found = await until(isThrough, 60);
    const running = countsText(await system.running("killed"));
    if (found === undefined) return { says: `after 60 s runs ${running}`, right: false };
    return { says: `completed, runs ${running}`, right: true, seconds: passed() };
  },
};

const drained: Scenario = {
  name: "drain of a host that holds 3 of 9, one at a time",
  app: "drain",
  alone: true,
  wanted: "all moved, never fewer than 8",
  async run(system) {
    const nine = wish("drain", { replicas: 9, batch: 1 });
    await deploy(system, nine, 9);
    const count = async (): Promise<number> => (await system.running("drain")).length;
    const passed = begin();
    const done = async (): Promise<void> => {
      await system.drain(2);
      const hasMoved = async (): Promise<boolean> =>
        (await system.running("drain", 2)).length === 0 && (await count()) === 9;
      if ((await until(hasMoved)) === undefined) throw new Error("the host was not drained");
    };
    const least = await fewest(count, done());
    const seconds = passed();
    await system.undrain(2);
    return { says: `never fewer than ${least}`, right: least >= 8, seconds };
  },
};

/** All scenarios, the destructive ones last. */
export const scenarios: readonly Scenario[] = [
  badAfterBad,
  nowhere,
  diesLater,
  exitCode,
  noImage,
  portAndStartFirst,
  undoTwice,
  drained,
  hostCutOff,
  hostDownBefore,
  crashMidway,
];
