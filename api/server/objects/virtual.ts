import { invalid, methodNotAllowed, notFound } from "../../machinery/errors.ts";
import { apiVersionOf } from "../../machinery/gvk.ts";
import { encodeObject, type Item, itemOf } from "../../store/item.ts";
import { isObject } from "../kinds/fill.ts";
import type { JsonObject, Kind, Virtual } from "../kinds/kind.ts";
import { type Answer, type Call, isDryRun } from "./call.ts";
import { readListOptions } from "./list-options.ts";
import { judgeFields, readObject } from "./read-object.ts";
import { renderItem, renderList } from "./render.ts";

/** Whether objects of a kind can be shown as rows and by their metadata: reviews cannot. */
export function hasTables({ virtual }: Kind): boolean {
  return virtual === undefined || virtual.get !== undefined || virtual.list !== undefined;
}

/** Answers by verb. */
type Answers = Readonly<Record<string, (call: Call) => Promise<Answer>>>;

/** Answers for a kind whose objects are made on demand; every other verb was refused before. */
export function virtualEndpoint(virtual: Virtual): Answers {
  return {
    create: (call) => createVirtual(call, virtual),
    get: (call) => getVirtual(call, virtual),
    list: (call) => listVirtual(call, virtual),
  };
}

/** The item of an object that was never stored: it has no revision. */
function itemOfVirtual({ kind }: Call, object: JsonObject): Item {
  const { metadata } = object;
  const complete = { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind };
  return itemOf("", encodeObject({ ...complete, metadata: isObject(metadata) ? metadata : {} }), 0);
}

/** POST: the whole way of a creation but for the name and the store. */
async function createVirtual(call: Call, { create }: Virtual): Promise<Answer> {
  const { kind } = call;
  if (create === undefined) throw methodNotAllowed("create", kind.plural);
  isDryRun(call); // nothing is stored either way, but a wrong value is refused
  const draft = readObject(call);
  const { object } = draft;
  for (const path of kind.strategy.prune(object)) draft.unknown.push(path);
  judgeFields(call, draft);
  kind.strategy.setDefaults(object);
  kind.strategy.prepareCreate(object);
  const causes = kind.strategy.validate(object);
  if (causes.length > 0) throw invalid(kind, object.metadata.name ?? "", causes);
  const made = await create(call, object);
  return { code: 201, body: renderItem(call, itemOfVirtual(call, made)) };
}

async function getVirtual(call: Call, { get }: Virtual): Promise<Answer> {
  const { kind, name } = call;
  if (get === undefined) throw methodNotAllowed("get", kind.plural);
  const found = await get(call);
  if (found === undefined) throw notFound(kind, name);
  return { code: 200, body: renderItem(call, itemOfVirtual(call, found)) };
}

async function listVirtual(call: Call, { list }: Virtual): Promise<Answer> {
  if (list === undefined) throw methodNotAllowed("list", call.kind.plural);
  const { selects } = readListOptions(call);
  const items = (await list(call)).map((object) => itemOfVirtual(call, object));
  const chosen = selects === undefined ? items : items.filter(({ object }) => selects(object));
  // Never empty: clients begin their watches there.
  const { revision } = await call.storage.store.head();
  return { code: 200, body: renderList(call, chosen, { resourceVersion: String(revision) }) };
}
