import { methodNotAllowed } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { itemOf } from "../../store/item.ts";
import { trackUpdate } from "../fields/tracking.ts";
import type { Answer, Call, Query } from "../objects/call.ts";
import { newObject } from "../objects/create.ts";
import { readObject } from "../objects/read-object.ts";
import { readItem } from "../objects/storage.ts";
import { existing, keyOfCall, nextState } from "../objects/update.ts";
import { readObjectOf } from "../objects/versions.ts";
import { worldAround } from "./planner.ts";

/** GET applications/NAME/plan: what the Application leads to as it is stored. @throws StatusError `NotFound` */
export async function planStored(call: Call): Promise<Answer> {
  const item = existing(call, await readItem(call.storage, keyOfCall(call)));
  return planOf(call, readObjectOf(call.kind, item));
}

/**
 * POST and PUT of applications/NAME/plan: what the Application in the body would lead to. It is read,
 * completed and judged as if it were written, and nothing is.
 * @throws StatusError as a write does
 */
export async function planSent(call: Call): Promise<Answer> {
  return planOf(call, await asWritten(writeOf(call)));
}

/** The write that the plan is about. No dry run of it: what that would say is the answer itself. */
function writeOf(call: Call): Call {
  const query: Query = {
    get: (name) => (name === "dryRun" ? undefined : call.query.get(name)),
  };
  return { ...call, query, subresource: "" };
}

/** The object as a write of the body would store it; nothing is stored. */
async function asWritten(call: Call): Promise<AnyObject> {
  const draft = readObject(call);
  draft.object.metadata.name ??= call.name;
  const current = await readItem(call.storage, keyOfCall(call));
  if (current === undefined) {
    const created = await newObject(call, draft, trackUpdate);
    return created as unknown as AnyObject;
  }
  const next = await nextState(call, draft, current);
  if (next.does === "keep") return next.item.object;
  return itemOf(current.key, next.value, current.at).object;
}

async function planOf(call: Call, application: AnyObject): Promise<Answer> {
  const { planRollout, storage, clock } = call;
  if (planRollout === undefined) {
    throw methodNotAllowed("get", "applications/plan", "this server runs without a planner");
  }
  const world = await worldAround(application, storage.cache, clock.nowMs());
  return { code: 200, body: `${JSON.stringify(planRollout(world))}\n` };
}
