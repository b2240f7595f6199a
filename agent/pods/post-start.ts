import type { Pod } from "../../api/machinery/resources.ts";
import { podReason } from "../../crds/conditions.ts";
import { graceSecondsOf, type Member } from "./containers.ts";
import { runHook } from "./hooks.ts";
import { reachOf } from "./reach.ts";
import { stopOnce, type StopDeps } from "./stop.ts";
import { StepFailure } from "./trouble.ts";

/** Kubernetes has no limit; here a hook that hangs would keep its pod from being deleted. */
const limitSeconds = 120;

/**
 * Runs the post-start hook of a container that was just started, beside its process. As in Kubernetes
 * the container does not count as started before, and one whose hook failed is stopped, after which
 * its restart policy decides. An agent that ends meanwhile does not run it again.
 *
 * @throws StepFailure when the hook failed.
 */
export async function runPostStart(
  pod: Pod,
  { name, spec }: Member,
  id: string,
  { deps, signal }: { readonly deps: StopDeps; readonly signal: AbortSignal },
): Promise<void> {
  const hook = spec.lifecycle?.postStart;
  if (hook === undefined) return;
  deps.inventory.touch(id);
  const facts = await deps.inventory.of(pod.metadata.uid, signal);
  const reach = reachOf(pod, facts, id, deps);
  const { ok, message } = await runHook(hook, { reach, limitSeconds }, deps.clock, signal);
  if (ok) return;
  await stopOnce(pod, { id, name }, { deps, signal, graceSeconds: graceSecondsOf(pod) });
  const said = new Error(`Post-start hook of container ${name} failed: ${message}`);
  throw new StepFailure(name, podReason.postStartFailed, said);
}
