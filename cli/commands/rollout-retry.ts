import { annotation } from "../../crds/labels.ts";
import type { Application } from "../../crds/types.gen.ts";
import { getApplication } from "../rollout.ts";
import { ordering, patchApplication } from "../rollout-order.ts";

/** The failure that a retry is about, by its time.
 * @throws Error when there is none that a retry can mend */
function failureTime({ metadata, status }: Application): string {
  const { name, generation } = metadata;
  const cannot = `Cannot retry application/${name}`;
  const { failedRevision: failed, rollout, targetRevision, observedGeneration } = status ?? {};
  if (failed?.failedAt === undefined) throw new Error(`${cannot}: nothing of it failed`);
  const isOther = observedGeneration !== generation || failed.name !== targetRevision;
  if (isOther) {
    throw new Error(
      `${cannot}: the template was changed since ${failed.name ?? "its version"} failed; see "lighthouse rollout status ${name}"`,
    );
  }
  const phase = rollout?.phase ?? "";
  if (phase !== "RolledBack" && phase !== "Paused") {
    throw new Error(
      `${cannot}: ${failed.name ?? "the failed version"} can be tried again when every slot is back, it is ${phase} now`,
    );
  }
  return failed.failedAt;
}

/** `lighthouse rollout retry`. */
export const runRolloutRetry = ordering(async (call) => {
  const app = await getApplication(call);
  const failedAt = failureTime(app);
  const body = { metadata: { annotations: { [annotation.retry]: failedAt } } };
  const patched = await patchApplication(call, app, { type: "merge", body });
  const { name = "it", message = "" } = app.status?.failedRevision ?? {};
  const why = message === "" ? "" : `; it failed with: ${message}`;
  return { app: patched, said: `tries ${name} once more${why}` };
});
