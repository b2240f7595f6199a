import { badRequest } from "../../machinery/errors.ts";
import { isObject, objectIn, textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { type Answer, type Call, isDryRun } from "../objects/call.ts";
import { removeObject } from "../objects/delete.ts";
import { readDeleteOptions } from "../objects/delete-options.ts";
import { createdStatus } from "./binding.ts";

/**
 * POST pods/NAME/eviction: deletes the Pod with the options that the Eviction carries. There are
 * no disruption budgets, so nothing is ever asked to wait.
 * @throws StatusError `BadRequest` for another kind, name or namespace; and as a deletion does
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
  await removeObject(inner, { ...options, dryRun: options.dryRun || isDryRun(call) });
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
