import type { Client } from "../api/client/client.ts";
import { isExpired } from "../api/machinery/errors.ts";
import type { KubeObject, ObjectKey } from "../api/machinery/object.ts";
import type { Resource } from "../api/machinery/resources.ts";

type Query = { readonly namespace?: string; readonly fieldSelector: string };

async function* changes<T extends KubeObject>(
  client: Client,
  type: Resource<T>,
  options: Query & { readonly resourceVersion: string },
  signal: AbortSignal,
): AsyncGenerator<T | undefined> {
  try {
    for await (const frame of client.watch(type, options, signal)) {
      if (frame.type !== "BOOKMARK") yield frame.type === "DELETED" ? undefined : frame.object;
    }
  } catch (err) {
    if (!isExpired(err)) throw err; // history was trimmed meanwhile: list again
  }
}

/**
 * One object now and after each change, until the signal aborts; `undefined` while there is none.
 * A stream that the server ends is resumed, so that a restart of the server is not the end.
 */
export async function* follow<T extends KubeObject>(
  client: Client,
  type: Resource<T>,
  key: ObjectKey,
  signal: AbortSignal,
): AsyncGenerator<T | undefined> {
  const scope = key.namespace === undefined ? {} : { namespace: key.namespace };
  const options: Query = { ...scope, fieldSelector: `metadata.name=${key.name}` };
  for (;;) {
    const { items, resourceVersion } = await client.list(type, options, signal);
    yield items[0];
    yield* changes(client, type, { ...options, resourceVersion }, signal);
  }
}
