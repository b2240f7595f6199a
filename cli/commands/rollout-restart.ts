import { annotation } from "../../crds/labels.ts";
import { getApplication } from "../rollout.ts";
import { ordering, patchApplication, warnOfGitOps } from "../rollout-order.ts";

/** `lighthouse rollout restart`: the mark of `kubectl rollout restart`, which makes a new Revision of
 * the same images, so that every container is made anew in health-gated batches. */
export const runRolloutRestart = ordering(async (call) => {
  const app = await getApplication(call);
  const { name } = app.metadata;
  if (app.spec.paused) {
    throw new Error(
      `Cannot restart application/${name}: it is paused; resume it first with "lighthouse rollout resume ${name}"`,
    );
  }
  warnOfGitOps(call, app, ["template"]);
  const at = new Date(call.io.clock.nowMs()).toISOString();
  const metadata = { annotations: { [annotation.restartedAt]: at } };
  const body = { spec: { template: { metadata } } };
  const patched = await patchApplication(call, app, { type: "merge", body });
  return { app: patched, said: "restarted" };
});
