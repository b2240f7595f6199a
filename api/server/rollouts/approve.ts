import { applicationReason } from "../../../crds/conditions.ts";
import { annotation } from "../../../crds/labels.ts";
import type { Application, Rollout } from "../../../crds/types.gen.ts";
import { badRequest, conflict, invalid } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import type { Item } from "../../store/item.ts";
import { isObject } from "../kinds/fill.ts";
import type { Body } from "../kinds/kind.ts";
import { type Answer, type Call, isDryRun } from "../objects/call.ts";
import { decodeBody, mediaTypeOf } from "../objects/codec.ts";
import { renderItem } from "../objects/render.ts";
import { changeItem, type Next } from "../objects/storage.ts";
import { existing, keyOfCall, nextState } from "../objects/update.ts";

/** What a body may say; the first two are for clients that name the kind of all they send. */
const known = new Set(["apiVersion", "kind", "metadata", "revision"]);
const approvalKind = { group: "lighthouse.dev", kind: "RolloutApproval" };

/**
 * POST, PUT and PATCH of applications/NAME/approve: lets the canary that waits go on, see
 * docs/rollout-api.md. The answer is the Application.
 * @throws StatusError `Conflict` when nothing waits or another Revision does, `BadRequest`,
 *   `Invalid`, `NotFound`
 */
export async function approveRollout(call: Call): Promise<Answer> {
  const asked = readRevision(call);
  const { item } = await changeItem(
    call.storage,
    keyOfCall(call),
    (current) => approved(call, existing(call, current), asked),
    { dryRun: isDryRun(call) },
  );
  return { code: 200, body: renderItem(call, item) };
}

/** The Revision that the body names; `undefined`: whichever waits. */
function readRevision(call: Call): string | undefined {
  const { rawBody, contentType } = call;
  if (rawBody === undefined || rawBody.toString().trim() === "") return undefined;
  // A merge patch of an approval that is not there yet is the approval itself.
  const isPatch = mediaTypeOf(contentType) === "application/merge-patch+json";
  const { value } = isPatch ? decodeBody(undefined, rawBody) : call.body();
  if (!isObject(value)) throw badRequest("Cannot read the approval: the body must be an object");
  const unknown = Object.keys(value).find((field) => !known.has(field));
  if (unknown !== undefined) {
    throw badRequest(`Cannot read the approval: unknown field "${unknown}", want "revision"`);
  }
  const { revision } = value;
  if (revision === undefined || revision === "") return undefined;
  if (typeof revision === "string") return revision;
  throw invalid(approvalKind, call.name, [
    invalidValue("revision", revision, "must be the name of a Revision"),
  ]);
}

/** What goes on instead of a wait for an approval, as the end of a sentence. */
function stateOf(rollout: Rollout | undefined): string {
  if (rollout === undefined) return "it has no rollout yet";
  const { phase, revision = "", progress = "", message = "" } = rollout;
  switch (phase) {
    case "Completed":
    case "RolledBack":
      return `its last rollout, of ${revision}, is ${phase}`;
    case "Paused":
      return `the rollout of ${revision} is paused, resume it first: ${message}`;
    default:
      return `the rollout of ${revision} is ${phase} ${progress}`.trimEnd();
  }
}

/** The Revision that waits, if it is the one that is meant. @throws StatusError `Conflict` */
function waitingOf(call: Call, { status }: Application, asked: string | undefined): string {
  const rollout = status?.rollout;
  const { phase, reason, revision } = rollout ?? {};
  const waits = phase === "Waiting" && reason === applicationReason.waitingForApproval;
  if (!waits || revision === undefined) {
    throw conflict(call.kind, call.name, `nothing waits for an approval, ${stateOf(rollout)}`);
  }
  if (asked === undefined || asked === revision) return revision;
  const why = `${asked} does not wait for an approval, ${revision} does: look at what it is and approve that one`;
  throw conflict(call.kind, call.name, why);
}

async function approved(call: Call, current: Item, asked: string | undefined): Promise<Next> {
  const application = current.object as unknown as Application;
  const revision = waitingOf(call, application, asked);
  const { annotations = {} } = application.metadata;
  // Asked twice is approved once: who was first stays on record.
  if (annotations[annotation.approve] === revision) return { does: "keep", item: current };
  const object = JSON.parse(current.bytes.toString()) as Body;
  object.metadata.annotations = {
    ...annotations,
    [annotation.approve]: revision,
    [annotation.approvedBy]: call.user.name,
  };
  return nextState(call, { object, unknown: [], duplicates: [] }, current);
}
