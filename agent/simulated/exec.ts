import { randomBytes } from "node:crypto";
import { ApiError, notRunning } from "./api-error.ts";
import type { SimulatedContainer } from "./container.ts";
import { type Program, startProcess, type Surroundings } from "./process.ts";
import { surroundingsOf } from "./runtime.ts";
import { findProgram } from "./shell.ts";
import type { SimulatedExec, World } from "./world.ts";

type ExecSpec = {
  readonly Cmd?: readonly string[];
  readonly Tty?: boolean;
  readonly AttachStdin?: boolean;
  readonly Env?: readonly string[];
};

/** An exec by its id. @throws ApiError 404 */
export function findExec(world: World, id: string): SimulatedExec {
  const exec = world.execs.get(id);
  if (exec === undefined) throw new ApiError(404, `No such exec instance: ${id}`);
  return exec;
}

/** Prepares a command. @throws ApiError 409 unless the container runs, 400 without a command */
export function createExec(
  world: World,
  container: SimulatedContainer,
  body: unknown,
): SimulatedExec {
  if (container.phase !== "running") throw notRunning(container.id);
  const { Cmd = [], Tty = false, AttachStdin = false, Env = [] } = body as ExecSpec;
  if (Cmd.length === 0) throw new ApiError(400, "No exec command specified");
  const exec: SimulatedExec = {
    id: randomBytes(32).toString("hex"),
    container,
    argv: Cmd,
    tty: Tty,
    stdin: AttachStdin,
    env: Env,
    process: undefined,
    exitCode: undefined,
  };
  world.execs.set(exec.id, exec);
  world.tell(container, `exec_create: ${Cmd.join(" ")}`, { execID: exec.id });
  return exec;
}

/** What Docker prints for a command that is not there; the exit code is 126. */
const missing: Program = async ({ argv, write }) => {
  const [name = ""] = argv;
  write(
    "stdout",
    `OCI runtime exec failed: exec failed: unable to start container process: exec: "${name}": executable file not found in $PATH: unknown\r\n`,
  );
  return 126;
};

/** Starts a prepared command; its output goes to `write`. @throws ApiError 409 */
export function startExec(
  world: World,
  exec: SimulatedExec,
  write: Surroundings["write"],
): Promise<number> {
  const { container, argv } = exec;
  if (container.phase !== "running") throw notRunning(container.id);
  if (exec.process !== undefined)
    throw new ApiError(409, `Error: Exec command ${exec.id} is already running`);
  const known = surroundingsOf(world, container);
  const own = Object.fromEntries(exec.env.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  const env = { ...known.env, ...(own as Readonly<Record<string, string>>) };
  const program = findProgram(argv[0] ?? "") ?? missing;
  const process = startProcess(program, { ...known, env, argv, write }, true);
  exec.process = process;
  if (!exec.stdin) process.stdin.end();
  const endWithContainer = (): void => process.signal("SIGKILL");
  container.onExit.add(endWithContainer);
  world.tell(container, `exec_start: ${argv.join(" ")}`, { execID: exec.id });
  return process.ended.then((code) => {
    exec.exitCode = code;
    container.onExit.delete(endWithContainer);
    world.tell(container, "exec_die", { execID: exec.id, exitCode: String(code) });
    return code;
  });
}
