import { durationMs, type Run } from "../command.ts";
import { followRollout } from "../live/follow-rollout.ts";
import { getApplication } from "../rollout.ts";
import { verdictOf } from "../verdict.ts";

/** `lighthouse rollout status`. */
export const runRolloutStatus: Run = async (call) => {
  const app = await getApplication(call);
  const { name, namespace } = app.metadata;
  if (call.flags["no-wait"] === true) {
    const { state, text } = verdictOf(app);
    call.io.out(`application/${name}: ${text}\n`);
    return state === "Failed" ? 1 : 0;
  }
  const key = namespace === undefined ? { name } : { namespace, name };
  return followRollout(call, key, { timeoutMs: durationMs(call.flags, "timeout") });
};
