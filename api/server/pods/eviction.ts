import { badRequest } from "../../machinery/errors.ts";
import { isObject } from "../kinds/fill.ts";
import type { Answer, Call } from "../objects/call.ts";
import { removeObject } from "../objects/delete.ts";
import { readDeleteOptions } from "../objects/delete-options.ts";
import { createdStatus } from "./binding.ts";

/** POST pods/NAME/eviction: deletes the Pod with the options that the Eviction carries. */
export async function evictPod(call: Call): Promise<Answer> {
  const { value } = call.body();
  if (!isObject(value)) throw badRequest("Cannot read the Eviction: the body must be an object");
  const body = Buffer.from(JSON.stringify(value["deleteOptions"] ?? {}));
  const inner: Call = { ...call, subresource: "", rawBody: body, contentType: undefined };
  const options = readDeleteOptions({
    ...inner,
    body: () => ({ value: value["deleteOptions"] ?? {}, duplicates: [] }),
  });
  await removeObject(inner, options);
  return { code: 201, body: createdStatus };
}
