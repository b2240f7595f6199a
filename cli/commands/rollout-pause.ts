import { applicationReason } from "../../crds/conditions.ts";
import type { Application } from "../../crds/types.gen.ts";
import type { Call } from "../command.ts";
import { getApplication } from "../rollout.ts";
import { ordering, patchApplication, warnOfGitOps } from "../rollout-order.ts";
import { approveCanary } from "./rollout-approve.ts";

async function setPaused(call: Call, app: Application, paused: boolean): Promise<Application> {
  warnOfGitOps(call, app, ["paused"]);
  return patchApplication(call, app, { type: "merge", body: { spec: { paused } } });
}

/** `lighthouse rollout pause`. */
export const runRolloutPause = ordering(async (call) => {
  const app = await getApplication(call);
  if (app.spec.paused) return { app, said: "is paused already" };
  return { app: await setPaused(call, app, true), said: "paused" };
});

const isWaitingForApproval = ({ status }: Application): boolean =>
  status?.rollout?.phase === "Waiting" &&
  status.rollout.reason === applicationReason.waitingForApproval;

/** `lighthouse rollout resume`: ends a pause; approves a canary that waits for nothing else. */
export const runRolloutResume = ordering(async (call) => {
  const app = await getApplication(call);
  const { name } = app.metadata;
  if (app.spec.paused) {
    return { app: await setPaused(call, app, false), said: "resumed", pinned: false };
  }
  if (isWaitingForApproval(app)) return approveCanary(call, app, undefined);
  const { phase, reason, message = "" } = app.status?.rollout ?? {};
  if (phase === "Paused" && reason !== applicationReason.pausedByUser) {
    throw new Error(
      `Cannot resume application/${name}: a failure holds it (${message}); try it again with "lighthouse rollout retry ${name}", or go back with "lighthouse rollout undo ${name}"`,
    );
  }
  return { app, said: "is not paused", pinned: false };
});
