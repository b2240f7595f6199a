import type { Clock } from "../../api/machinery/clock.ts";
import { patienceOf } from "../far/patience.ts";
import type { ContainerOf } from "./containers.ts";
import { type Answer, check, hasAnswered, type Reach } from "./probe-check.ts";

type Hook = NonNullable<NonNullable<ContainerOf["lifecycle"]>["preStop"]>;

/** The running container that a hook is about, and how long it may take. */
export type HookTarget = { readonly reach: Reach; readonly limitSeconds: number };

const good: Answer = { ok: true, message: "" };

async function act(
  { exec, httpGet, sleep }: Hook,
  reach: Reach,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer> {
  if (sleep !== undefined) {
    await clock.sleep(sleep.seconds * 1000, signal);
    return good;
  }
  if (exec === undefined && httpGet === undefined) return good;
  const how = exec === undefined ? { httpGet } : { exec };
  const answer = await check(how, reach, patienceOf(signal));
  // Kubernetes: a hook is a call, and whoever answers has heard it.
  return hasAnswered(answer) ? good : answer;
}

/**
 * Runs a hook of a container's life inside its time limit; what it said. A command that outlives its
 * limit goes on, because Docker cannot kill an exec. Rejects only when `signal` aborts.
 */
export async function runHook(
  hook: Hook,
  { reach, limitSeconds }: HookTarget,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer> {
  const over = new AbortController();
  const limited = AbortSignal.any([signal, over.signal]);
  const deadline = clock.sleep(limitSeconds * 1000, limited).then(() => over.abort());
  try {
    return await act(hook, reach, clock, limited);
  } catch (err) {
    if (signal.aborted) throw err;
    return { ok: false, message: `not done within ${limitSeconds} s` };
  } finally {
    over.abort();
    await deadline.catch(() => undefined); // aborted: it was in time
  }
}
