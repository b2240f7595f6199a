import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, noSuchContainer, notRunning } from "./api-error.ts";
import { argvOf, envOf, networkMode, portKeys, type SimulatedContainer } from "./container.ts";
import { followHealth } from "./health.ts";
import { holdPort, publishPort } from "./ports.ts";
import { type Program, startProcess, type Surroundings } from "./process.ts";
import { untilKilled } from "./programs.ts";
import { findProgram } from "./shell.ts";
import type { World } from "./world.ts";

const firstRestartMs = 100;
const longestRestartMs = 5_000;

/** The image's own program: it complains, serves, waits, ends, as its behaviour says. */
function imageProgram({ behaviour }: SimulatedContainer): Program {
  return async ({ write, serve, killed }) => {
    const { complaint, exit, serve: text } = behaviour;
    if (complaint !== undefined) write("stderr", `${complaint}\n`);
    if (exit !== undefined) {
      await sleep(exit.afterMs ?? 0, undefined, { signal: killed, ref: false });
      return exit.code;
    }
    if (text !== undefined) await serve(text);
    return untilKilled(killed);
  };
}

const isTcp = (key: string): boolean => !key.includes("/") || key.endsWith("/tcp");

/** Where the container's ports are: its own address, or that of the container it joined. */
function addressOf(world: World, container: SimulatedContainer): string {
  const mode = networkMode(container);
  if (mode === "host") return "127.0.0.1";
  if (!mode.startsWith("container:")) return container.address;
  return world.container(mode.slice("container:".length)).address;
}

async function serveOn(world: World, container: SimulatedContainer, text: string): Promise<void> {
  container.served = text;
  const port = envOf(container)["PORT"];
  const ports = port === undefined ? portKeys(container).filter(isTcp) : [port];
  const address = addressOf(world, container);
  for (const wanted of ports.map((key) => Number.parseInt(key, 10))) {
    try {
      container.holders.push(await holdPort(address, wanted, () => container.served));
      container.log.append("stdout", `listening on port ${wanted}, version ${text}\n`);
    } catch (err) {
      const why = err instanceof Error ? err.message : String(err);
      container.log.append("stderr", `cannot listen on port ${wanted}: ${why}\n`);
    }
  }
}

async function publish(container: SimulatedContainer): Promise<void> {
  const bindings = Object.entries(container.spec.HostConfig?.PortBindings ?? {});
  try {
    for (const [key, list] of bindings.filter(([name]) => isTcp(name)))
      for (const { HostIp, HostPort } of list) {
        // Not 0.0.0.0 as Docker would: a pretended container is nobody else's business.
        const address = HostIp || "127.0.0.1";
        const holder = await publishPort(address, Number(HostPort || 0), () => container.served);
        container.published.push({ ...holder, key, address });
      }
  } catch (err) {
    release(container);
    throw err;
  }
}

function release(container: SimulatedContainer): void {
  container.served = undefined;
  for (const holder of [...container.holders, ...container.published]) holder.close();
  container.holders = [];
  container.published = [];
}

function mainProgram(container: SimulatedContainer): Program {
  const [name = ""] = argvOf(container);
  if (name === "/bin/run" || name === "") return imageProgram(container);
  const program = findProgram(name);
  if (program !== undefined) return program;
  if (container.image.pretended) return imageProgram(container);
  const message = `OCI runtime create failed: exec: "${name}": stat ${name}: no such file or directory: unknown`;
  container.exitCode = 127;
  throw new ApiError(400, `failed to create shim: ${message}`);
}

/** What processes of a container see of it. */
export function surroundingsOf(
  world: World,
  container: SimulatedContainer,
): Omit<Surroundings, "killed" | "stdin" | "argv" | "write"> {
  return {
    env: envOf(container),
    hostname: container.spec.Hostname ?? container.id.slice(0, 12),
    files: container.files,
    serve: (text) => serveOn(world, container, text),
    ...(container.image.pretended ? { fallback: imageProgram(container) } : {}),
  };
}

function checkNetwork(world: World, container: SimulatedContainer): void {
  const mode = networkMode(container);
  if (!mode.startsWith("container:")) {
    world.networks.find(mode === "default" ? "bridge" : mode);
    return;
  }
  const other = world.container(mode.slice("container:".length));
  if (other.phase !== "running")
    throw new ApiError(409, `cannot join network of a non running container: ${other.id}`);
}

/** Starts a container. Resolves to false when it runs already. @throws ApiError */
export async function startContainer(
  world: World,
  container: SimulatedContainer,
): Promise<boolean> {
  if (container.phase === "running") return false;
  const { behaviour, log } = container;
  checkNetwork(world, container);
  if (behaviour.startMs !== undefined) await sleep(behaviour.startMs);
  const program = mainProgram(container);
  await publish(container);
  const write: Surroundings["write"] = (stream, text) => log.append(stream, text);
  const around = { ...surroundingsOf(world, container), argv: argvOf(container), write };
  const isImages = program !== findProgram(around.argv[0] ?? "");
  const process = startProcess(program, around, isImages && behaviour.ignoresTerm !== true);
  if (container.spec.OpenStdin !== true) process.stdin.end();
  Object.assign(container, {
    process,
    phase: "running",
    stopped: false,
    oomKilled: false,
    exitCode: 0,
    error: "",
    startedAtMs: world.now(),
  });
  world.tell(container, "start");
  followHealth(world, container);
  void process.ended.then((code) => onEnd(world, container, code)); // ended never rejects
  return true;
}

function wantsRestart({ spec, stopped, exitCode, restartCount }: SimulatedContainer): boolean {
  const { Name = "no", MaximumRetryCount = 0 } = spec.HostConfig?.RestartPolicy ?? {};
  if (stopped || Name === "no" || Name === "") return false;
  if (Name !== "on-failure") return true;
  return exitCode !== 0 && (MaximumRetryCount === 0 || restartCount < MaximumRetryCount);
}

function onEnd(world: World, container: SimulatedContainer, exitCode: number): void {
  release(container);
  const restarts = wantsRestart({ ...container, exitCode });
  Object.assign(container, {
    exitCode,
    process: undefined,
    phase: restarts ? "restarting" : "exited",
    finishedAtMs: world.now(),
  });
  world.tell(container, "die", { exitCode: String(exitCode) });
  for (const done of container.onExit) done();
  container.onExit.clear();
  if (restarts) restartLater(world, container);
  else if (container.spec.HostConfig?.AutoRemove === true) world.drop(container);
}

function restartLater(world: World, container: SimulatedContainer): void {
  const delayMs = Math.min(longestRestartMs, firstRestartMs * 2 ** container.restartCount);
  const timer = setTimeout(() => {
    if (container.phase !== "restarting") return;
    container.restartCount += 1;
    startContainer(world, container).catch((err: unknown) => {
      container.phase = "exited";
      container.error = err instanceof Error ? err.message : String(err);
    });
  }, delayMs);
  timer.unref();
}

/** Resolves once the container's process ended; at once if none runs. */
export function untilExit(container: SimulatedContainer): Promise<void> {
  if (container.process === undefined) return Promise.resolve();
  return new Promise((resolve) => container.onExit.add(() => resolve()));
}

/** SIGTERM, then SIGKILL. Resolves to false when it did not run. */
export async function stopContainer(
  world: World,
  container: SimulatedContainer,
  graceSeconds: number,
): Promise<boolean> {
  container.stopped = true;
  if (container.phase === "restarting") container.phase = "exited";
  const { process } = container;
  if (process === undefined) return false;
  const exited = untilExit(container);
  world.tell(container, "kill", { signal: "15" });
  process.signal(container.spec.StopSignal ?? "SIGTERM");
  const timer = setTimeout(() => process.signal("SIGKILL"), graceSeconds * 1000);
  await exited;
  clearTimeout(timer);
  world.tell(container, "stop");
  return true;
}

/** Sends a signal. @throws ApiError 409 when it does not run */
export function killContainer(world: World, container: SimulatedContainer, signal: string): void {
  if (container.process === undefined) throw notRunning(container.id);
  container.stopped = true;
  world.tell(container, "kill", { signal });
  container.process.signal(signal);
}

/** Removes a container. @throws ApiError 409 when it runs and `force` is not set */
export async function removeContainer(
  world: World,
  container: SimulatedContainer,
  force: boolean,
): Promise<void> {
  if (container.phase === "running" && !force)
    throw new ApiError(
      409,
      `You cannot remove a running container ${container.id}. Stop the container before attempting removal or force remove`,
    );
  if (container.process !== undefined) {
    const exited = untilExit(container);
    killContainer(world, container, "SIGKILL");
    await exited;
  }
  container.phase = "exited";
  if (!world.containers().includes(container)) throw noSuchContainer(container.id);
  world.drop(container);
}
