import { badRequest } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { isObject, objectIn, textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { type Answer, type Call, isDryRun } from "../objects/call.ts";
import { checkPreconditions, removeObject } from "../objects/delete.ts";
import { readDeleteOptions } from "../objects/delete-options.ts";
import { readItem } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";
import { createdStatus } from "./binding.ts";
import { markForEviction, mustWait, servedApplication } from "./disruption.ts";

/**
 * POST pods/NAME/eviction: deletes the Pod with the options that the Eviction carries. One that
 * serves a slot of an Application is only marked: the Application moves the slot when its batch
 * allows that, and ends the Pod in its own grace period.
 * @throws StatusError `TooManyRequests` when the Application was asked; `BadRequest` for another
 * kind, name or namespace; and as a deletion does
 */
export async function evictPod(call: Call): Promise<Answer> {
  const { value } = call.body();
  if (!isObject(value)) throw badRequest("Cannot read the Eviction: the body must be an object");
  checkIdentity(call, value);
  const given = value["deleteOptions"] ?? {};
  const body = Buffer.from(JSON.stringify(given));
  const inner: Call = { ...call, subresource: "", rawBody: body, contentType: undefined };
  const options = readDeleteOptions({ ...inner, body: () => ({ value: given, duplicates: [] }) });
  // Either place may ask for a dry run.
  const dryRun = options.dryRun || isDryRun(call);
  const pod: AnyObject = existing(inner, await readItem(call.storage, keyOfCall(inner))).object;
  checkPreconditions(inner, options, pod);
  const application = dryRun ? undefined : servedApplication(call, pod);
  if (application !== undefined) {
    await markForEviction(inner);
    throw mustWait(application, pod);
  }
  await removeObject(inner, { ...options, dryRun });
  return { code: 201, body: createdStatus };
}

function checkIdentity({ name, namespace }: Call, eviction: JsonObject): void {
  const { kind = "Eviction" } = eviction;
  if (kind !== "Eviction") {
    throw badRequest(
      `the object provided is unrecognized (must be of type Eviction): ${JSON.stringify(kind)} given`,
    );
  }
  const metadata = objectIn(eviction, "metadata");
  const [named, placed] = [textIn(metadata, "name"), textIn(metadata, "namespace")];
  if (named !== "" && named !== name) {
    throw badRequest("name in URL does not match name in Eviction object");
  }
  if (placed !== "" && placed !== namespace) {
    throw badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
}
