import { isNotFound } from "../../machinery/errors.ts";
import type { Item } from "../../store/item.ts";
import type { Answer, Call } from "./call.ts";
import { callFor, removeObject } from "./delete.ts";
import { readDeleteOptions } from "./delete-options.ts";
import { listItems } from "./list.ts";
import { readListOptions } from "./list-options.ts";
import { renderList } from "./render.ts";

const concurrency = 16;

/** DELETE of a collection: every selected object with the same options; answers with the list. */
export async function deleteCollection(call: Call): Promise<Answer> {
  const options = readDeleteOptions(call);
  const { items, meta } = await listItems(call, readListOptions(call));
  const gone: Item[] = [];
  for (let i = 0; i < items.length; i += concurrency) {
    const some = items.slice(i, i + concurrency);
    const removed = await Promise.all(
      some.map((item) => removeObject(callFor(call, item), options).catch(ignoreNotFound)),
    );
    for (const changed of removed) if (changed !== undefined) gone.push(changed.item);
  }
  return { code: 200, body: renderList(call, gone, meta) };
}

function ignoreNotFound(err: unknown): undefined {
  if (isNotFound(err)) return undefined; // somebody else was faster
  throw err;
}
