import { setTimeout as sleep } from "node:timers/promises";
import { isConflict } from "../../api/machinery/errors.ts";
import type { ContainerIo, ExecOptions, TtySize } from "./engine.ts";
import type { Doing } from "./errors.ts";
import type { WireContainer } from "./from-wire.ts";
import { changeCall, containerPath, doingTo, type Parts, readCall, type Target } from "./parts.ts";
import { createSession } from "./session.ts";
import type { Call } from "./transport.ts";

/** Whether the output of the main process is one raw stream. @throws StatusError `NotFound`. */
export async function hasTty(parts: Parts, target: Target): Promise<boolean> {
  const wire = await parts.transport.json<WireContainer>(readCall(parts, target, "json"));
  return wire?.Config.Tty ?? false;
}

/** Engines from API 1.42 on start with this size; older ones ignore it and are told by a resize. */
function consoleSize({ tty, size }: ExecOptions): object {
  return tty === true && size !== undefined ? { ConsoleSize: [size.rows, size.columns] } : {};
}

async function createExec(parts: Parts, target: Target, options: ExecOptions): Promise<string> {
  const { command, tty = false, stdin = false, user, workingDir, env } = options;
  const body = {
    AttachStdin: stdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: tty,
    Cmd: command,
    ...consoleSize(options),
    ...(user === undefined ? {} : { User: user }),
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    ...(env === undefined ? {} : { Env: env }),
  };
  const call = changeCall(parts, target, "exec");
  const created = await parts.transport.json<{ readonly Id: string }>({ ...call, body });
  return created?.Id ?? "";
}

type ExecState = {
  readonly Running: boolean;
  readonly ExitCode: number | null;
  readonly Pid: number;
};

/** A call about an exec, which lives beside its container. */
function execCall(parts: Parts, path: string, doing: Doing): Call {
  return { method: "POST", path, doing, deadlineMs: parts.deadlines.changeMs };
}

async function execState(
  parts: Parts,
  execId: string,
  target: Target,
): Promise<ExecState | undefined> {
  const call = execCall(parts, `/exec/${execId}/json`, doingTo(target));
  const { signal } = target;
  return parts.transport.json<ExecState>({ ...call, method: "GET", mayBeAbsent: true, signal });
}

/** The engine notes the exit a moment after it closed the stream, and has no call that waits for it. */
async function execExitCode(
  parts: Parts,
  execId: string,
  target: Target,
): Promise<number | undefined> {
  const { signal } = target;
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const state = await execState(parts, execId, target);
    if (state === undefined) return undefined;
    if (!state.Running && state.ExitCode !== null) return state.ExitCode;
    await sleep(5 * 2 ** attempt, undefined, signal === undefined ? {} : { signal });
  }
  return undefined;
}

/** The process ended meanwhile, so there is nothing to resize; engines say that with 409 or 500. */
function isAboutTheGone(err: unknown): boolean {
  const words =
    /cannot resize a (stopped|deleted)|not running|does not exist|no such process|already finished/i;
  return isConflict(err) || (err instanceof Error && words.test(err.message));
}

async function resize(parts: Parts, call: Call, size: TtySize): Promise<void> {
  const query = { h: size.rows, w: size.columns };
  try {
    await parts.transport.json({ ...call, query, mayBeAbsent: true });
  } catch (err) {
    if (!isAboutTheGone(err)) throw err;
  }
}

/** Runs a process in a container over a taken-over connection. */
export function createExecVerb(parts: Parts): ContainerIo["exec"] {
  return async (id, options, signal) => {
    const target: Target = { id, action: "run a command in", signal };
    const doing = doingTo(target);
    const execId = await createExec(parts, target, options);
    const { tty = false, size } = options;
    const start = execCall(parts, `/exec/${execId}/start`, doing);
    const body = { Detach: false, Tty: tty, ...consoleSize(options) };
    const connection = await parts.transport.hijack({ ...start, body, signal });
    const session = createSession(connection, {
      tty,
      stdin: options.stdin === true,
      exitCode: (waiting) => execExitCode(parts, execId, { ...target, signal: waiting }),
      resize: (wanted, waiting) => {
        const call = execCall(parts, `/exec/${execId}/resize`, doing);
        return resize(parts, { ...call, signal: waiting }, wanted);
      },
      async hostPid(waiting) {
        const state = await execState(parts, execId, { ...target, signal: waiting });
        return state?.Running === true && state.Pid > 0 ? state.Pid : undefined;
      },
    });
    if (tty && size !== undefined) await session.resize(size, signal);
    return session;
  };
}

/** Joins the main process of a container. */
export function createAttachVerb(parts: Parts): ContainerIo["attach"] {
  return async (id, options, signal) => {
    const target: Target = { id, action: "attach to", signal };
    const tty = await hasTty(parts, target);
    const stdin = options.stdin === true;
    const query = { stream: true, stdin, stdout: true, stderr: true };
    const call = changeCall(parts, target, "attach");
    const connection = await parts.transport.hijack({ ...call, query });
    const state = async (waiting?: AbortSignal): Promise<WireContainer["State"] | undefined> => {
      const read = readCall(parts, { ...target, signal: waiting }, "json");
      return (await parts.transport.json<WireContainer>({ ...read, mayBeAbsent: true }))?.State;
    };
    return createSession(connection, {
      tty,
      stdin,
      exitCode: async (waiting) => {
        const { Pid = 1, ExitCode = 0 } = (await state(waiting)) ?? {};
        return Pid > 0 ? undefined : ExitCode;
      },
      hostPid: async (waiting) => {
        const { Pid = 0 } = (await state(waiting)) ?? {};
        return Pid > 0 ? Pid : undefined;
      },
      resize: (wanted, waiting) => {
        const path = containerPath(id, "resize");
        return resize(parts, { ...call, path, signal: waiting }, wanted);
      },
    });
  };
}
