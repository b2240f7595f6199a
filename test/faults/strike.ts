import { setTimeout as sleep } from "node:timers/promises";
import type { Injected, OperationFault } from "../../agent/simulated/faults.ts";
import { containerLabel } from "../../crds/labels.ts";
import { eventually } from "../kit/eventually.ts";
import { type Arena, hostOf, runningIn } from "./arena.ts";
import { type FaultName, indexOf, isLasting } from "./cell.ts";
import type { Host } from "./stage.ts";

/** What a fault does to a world: resolves once the fault is over. */
type Deed = (arena: Arena, host: Host) => Promise<void>;

const lengthOf = ({ cell, world: { pace } }: Arena): number =>
  pace.realMs(pace.faultMs[indexOf(cell)] ?? 0);

async function away(arena: Arena, host: Host, deed: () => Promise<void>): Promise<void> {
  arena.away.add(host);
  arena.missed.add(host);
  try {
    await deed();
  } finally {
    arena.away.delete(host);
  }
}

const hang: Deed = async (arena, { engine }) => {
  engine.freeze();
  await sleep(lengthOf(arena));
  engine.thaw();
};

const die: Deed = async (arena, { engine }) => {
  // With its containers, as a host that loses power, in one of three.
  await (arena.cell.slot === "middle" ? engine.crash() : engine.stop());
  await sleep(lengthOf(arena));
  await engine.start();
};

const cutOff: Deed = async (arena, { agent }) => {
  const { realMs, silenceMs } = arena.world.pace;
  const isLong = arena.cell.slot === "last";
  agent.link.cut(arena.cell.slot === "first" ? "reset" : "silent");
  await sleep(isLong ? realMs(silenceMs) : lengthOf(arena));
  agent.link.mend();
};

const killAgent: Deed = async (arena, host) => {
  host.agent.kill();
  await sleep(lengthOf(arena));
  await arena.world.replaceAgent(host);
};

const killControllers: Deed = async (arena) => {
  const { world } = arena;
  world.controllers.kill();
  await sleep(lengthOf(arena) / 4);
  await world.replaceControllers();
};

const killApi: Deed = async (arena) => {
  arena.world.api.kill();
  await sleep(lengthOf(arena));
  await arena.world.api.start();
};

const changeLeader: Deed = async ({ world, cell }) => {
  const { realMs } = world.pace;
  const before = await world.leader();
  const old = await world.replaceControllers();
  old.link.cut(cell.slot === "first" ? "reset" : "silent");
  try {
    const isOther = async (): Promise<boolean> => ![before, ""].includes(await world.leader());
    await eventually("another one leads", isOther, { timeoutMs: realMs(100_000) });
    old.link.mend(); // it must see by itself that its term is over
    await sleep(realMs(2_000));
  } finally {
    old.kill();
  }
};

const deeds: Readonly<Record<Exclude<FaultName, "engine error">, Deed>> = {
  "engine hang": hang,
  "engine dies": die,
  "host cut off": cutOff,
  "agent killed": killAgent,
  "controller killed": killControllers,
  "API server killed": killApi,
  "leader change": changeLeader,
};

/** Faults of a host, rather than of the control plane. */
const hostFaults: readonly FaultName[] = [
  "engine hang",
  "engine dies",
  "host cut off",
  "agent killed",
];

function commit(arena: Arena, host: Host): Promise<void> {
  const { fault } = arena.cell;
  if (fault === "engine error") return Promise.resolve();
  const deed = (): Promise<void> => deeds[fault](arena, host);
  return hostFaults.includes(fault) ? away(arena, host, deed) : deed();
}

type Target = Pick<OperationFault, "operation" | "labels" | "image" | "when">;

/** The call of the engine at which the cell's fault strikes; `undefined` when it is no such call. */
function callOf({ cell, target, old, image }: Arena): Target | undefined {
  const of = (pod: string) => ({ [containerLabel.podName]: pod });
  switch (cell.operation) {
    case "pull":
      return { operation: "pull", image: new RegExp(`^${image}$`) };
    case "create":
      return { operation: "create", labels: of(target) };
    case "stop old":
      return { operation: "stop", labels: of(old) };
    case "start":
      return { operation: "start", labels: of(target) };
    case "become ready":
      return { operation: "start", labels: of(target), when: "after" };
    case "remove old":
      return { operation: "remove", labels: of(old) };
    default:
      return undefined;
  }
}

/** A pull names no slot: each host has one, so the hosts are taken in their order. */
function hostsFor({ cell, world }: Arena): readonly Host[] {
  const own = world.hosts[indexOf(cell)];
  return cell.operation === "pull" && own !== undefined ? [own] : world.hosts;
}

type Hit = { readonly host: Host; readonly injected: Injected };

async function untilHit(arena: Arena, fault: OperationFault): Promise<Hit> {
  const armed = hostsFor(arena).map((host) => ({ host, injected: host.engine.fail(fault) }));
  const { promise: over, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(new Error(`The ${fault.operation} to strike at never came`));
  arena.signal.addEventListener("abort", giveUp, { once: true });
  try {
    const hits = armed.map((one) => one.injected.hit.then(() => one));
    const hit = await Promise.race([...hits, over]);
    for (const { injected } of armed) if (injected !== hit.injected) injected.withdraw();
    return hit;
  } catch (err) {
    for (const { injected } of armed) {
      injected.withdraw();
      injected.release();
    }
    throw err;
  } finally {
    arena.signal.removeEventListener("abort", giveUp);
  }
}

const settled = ["Completed", "RolledBack", "RollbackPaused"] as const;
/** Refusals that a lasting error consists of at least. */
const lastingHits = 3;

/** Refuses the operation: once, twice, or until the rollout has come to its end by it. */
async function refuse(arena: Arena, target: Target): Promise<void> {
  const lasting = isLasting(arena.cell);
  const times = lasting ? Infinity : 1 + indexOf(arena.cell);
  // In one of three slots the engine has done what it says it cannot do.
  const when = arena.cell.slot === "middle" ? "after" : "before";
  const { injected } = await untilHit(arena, { when, ...target, how: "error", times });
  if (!lasting) return;
  try {
    await arena.story.until(settled, arena.from, arena.signal);
    await eventually("the error lasts", () => injected.hits() >= lastingHits, {
      timeoutMs: arena.world.pace.realMs(50_000),
    }).catch(() => undefined); // nobody tries again: there is nothing left to refuse
  } finally {
    injected.withdraw();
  }
}

/**
 * The engine is in the middle of the operation when the fault strikes, or, in one of three slots, done
 * with it and about to answer. Then it goes on, unless it is dead.
 */
async function interrupt(arena: Arena, target: Target): Promise<void> {
  const { fault, slot } = arena.cell;
  const when = slot === "last" ? "after" : "before";
  const { host, injected } = await untilHit(arena, { when, ...target, how: "hang" });
  const committed = commit(arena, host);
  if (fault === "engine dies") return committed;
  if (fault === "engine hang") await committed;
  else await sleep(10); // what was killed is gone before the engine has done its work
  injected.release();
  await committed;
}

function strikeCall(arena: Arena, target: Target): Promise<void> {
  return arena.cell.fault === "engine error" ? refuse(arena, target) : interrupt(arena, target);
}

/** The container ends by itself while its rollout is watched, and the fault strikes with it. */
async function strikeCrash(arena: Arena): Promise<void> {
  const { cell, target, story } = arena;
  const of = { [containerLabel.podName]: target };
  if (cell.kind === "rollback") {
    const { injected } = await untilHit(arena, {
      operation: "start",
      labels: of,
      how: "hang",
      when: "after",
    });
    injected.release();
    await sleep(20);
  } else {
    await story.until(["Verifying"], arena.from, arena.signal);
  }
  const { host, container } = runningIn(arena, arena.slot);
  const error = { operation: "start", labels: of, how: "error", times: 1 + indexOf(cell) } as const;
  if (cell.fault === "engine error") host.engine.fail(error);
  const committed = commit(arena, host);
  host.engine.exit(container.id, 1);
  await committed;
}

/** The controller deletes a parked pod, and the fault strikes before the API server has heard it all. */
async function strikeDelete(arena: Arena): Promise<void> {
  const { world, old, cell, slot, signal } = arena;
  const begun = Promise.withResolvers<Promise<void>>();
  world.api.onDelete(old, async () => {
    const host = hostOf(arena, slot);
    const labels = { [containerLabel.podName]: old };
    const times = 1 + indexOf(cell);
    if (cell.fault === "engine error")
      host.engine.fail({ operation: "remove", labels, how: "error", when: "after", times });
    begun.resolve(commit(arena, host));
    await sleep(10);
  });
  signal.addEventListener("abort", () => begun.reject(new Error("No parked pod was deleted")), {
    once: true,
  });
  await begun.promise;
}

/** Waits for the cell's moment and lets its fault happen; resolves once the fault is over.
 * @throws Error when the moment never came */
export async function strike(arena: Arena): Promise<void> {
  const call = callOf(arena);
  if (call !== undefined) return strikeCall(arena, call);
  return arena.cell.operation === "delete parked" ? strikeDelete(arena) : strikeCrash(arena);
}
