import { objectPath } from "../../api/machinery/gvk.ts";
import { keyOf } from "../../api/machinery/object.ts";
import { applications } from "../../api/machinery/resources.ts";
import { applicationReason } from "../../crds/conditions.ts";
import type { Application } from "../../crds/types.gen.ts";
import { type Call, wholeNumber } from "../command.ts";
import { readText } from "../read.ts";
import { revisionOfNumber, revisionsOf } from "../revisions.ts";
import { getApplication } from "../rollout.ts";
import { ordering, type Ordered } from "../rollout-order.ts";

/**
 * Lets the canary of a Revision go on, on a subresource with a right of its own. Without `revision`
 * it is the one that this command has seen waiting, so that nobody approves what they did not see.
 * @throws StatusError `Conflict` when nothing waits, or something else
 */
export async function approveCanary(
  call: Call,
  app: Application,
  revision: string | undefined,
): Promise<Ordered> {
  const { client } = await call.connect();
  const { rollout } = app.status ?? {};
  const isWaiting = rollout?.reason === applicationReason.waitingForApproval;
  const meant = revision ?? (isWaiting ? rollout?.revision : undefined);
  const isDry = call.flags["dry-run"] === true;
  const path = objectPath(applications, keyOf(app), "approve");
  const answer = await client.raw(
    {
      method: "POST",
      path: isDry ? `${path}?dryRun=All` : path,
      body: meant === undefined ? {} : { revision: meant },
    },
    call.signal,
  );
  const approved = JSON.parse(await readText(answer)) as Application;
  const what = meant === undefined ? "approved" : `approved: ${meant}`;
  return isDry
    ? { app: approved, said: `would be ${what} (dry run)`, waits: false }
    : { app: approved, said: what };
}

/** `lighthouse rollout approve`. */
export const runRolloutApprove = ordering(async (call) => {
  const app = await getApplication(call);
  const number = wholeNumber(call.flags, "revision");
  const named =
    number === undefined
      ? undefined
      : revisionOfNumber(app, await revisionsOf(call, app), number).metadata.name;
  return approveCanary(call, app, named);
});
