import { objectIn } from "../kinds/fill.ts";
import type { Body } from "../kinds/kind.ts";
import { trackUpdate } from "../fields/tracking.ts";
import { type Answer, type Call, isDryRun } from "./call.ts";
import { conflict } from "../../machinery/errors.ts";
import { readObject } from "./read-object.ts";
import { renderItem } from "./render.ts";
import { changeItem } from "./storage.ts";
import { decideWrite, existing, keyOfCall } from "./update.ts";

/** PUT namespaces/NAME/finalize: the only way to change what holds a deleted Namespace. */
export async function finalizeNamespace(call: Call): Promise<Answer> {
  const { object: sent } = readObject(call);
  const { item } = await changeItem(
    call.storage,
    keyOfCall(call),
    (current) => {
      const found = existing(call, current);
      const { resourceVersion = "" } = sent.metadata;
      if (resourceVersion !== "" && resourceVersion !== String(found.at)) {
        throw conflict(call.kind, call.name);
      }
      const object = JSON.parse(found.bytes.toString()) as Body;
      const finalizers = objectIn(sent, "spec")?.["finalizers"];
      object["spec"] = Array.isArray(finalizers) && finalizers.length > 0 ? { finalizers } : {};
      const owners = trackUpdate(call, { before: found.object, object, sent: undefined });
      if (owners !== undefined) object.metadata.managedFields = owners;
      return decideWrite(call.kind, object, found);
    },
    { dryRun: isDryRun(call) },
  );
  return { code: 200, body: renderItem(call, item) };
}
