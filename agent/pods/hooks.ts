import type { Clock } from "../../api/machinery/clock.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerOf } from "./containers.ts";

type Hook = NonNullable<NonNullable<ContainerOf["lifecycle"]>["preStop"]>;

/** The running container that a hook is about, and how long it may take. */
export type HookTarget = { readonly id: string; readonly graceSeconds: number };

async function runExec(
  command: readonly string[],
  id: string,
  engine: Engine,
  signal: AbortSignal,
): Promise<void> {
  const session = await engine.io.exec(id, { command }, signal);
  try {
    for await (const output of session.output) void output;
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/**
 * Runs a pre-stop hook inside the grace period. A hook that fails or takes too long does not keep
 * the container from being stopped.
 */
export async function runHook(
  hook: Hook,
  { id, graceSeconds }: HookTarget,
  { engine, clock }: { readonly engine: Engine; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const limited = AbortSignal.any([signal, over.signal]);
  const deadline = clock.sleep(graceSeconds * 1000, limited).then(() => over.abort());
  const command = hook.exec?.command;
  const pauseMs = (hook.sleep?.seconds ?? 0) * 1000;
  try {
    if (command !== undefined) await runExec(command, id, engine, limited);
    else if (pauseMs > 0) await clock.sleep(pauseMs, limited);
  } catch (err) {
    if (signal.aborted) throw err;
  } finally {
    over.abort();
    await deadline.catch(() => undefined); // aborted: it was in time
  }
}
