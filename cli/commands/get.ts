import { stringify } from "yaml";
import { collectionPath, objectPath, resourceText } from "../../api/machinery/gvk.ts";
import { type Call, Misuse, type Run, text } from "../command.ts";
import { kindText, type Named, namedBy } from "../kinds.ts";
import { readJson } from "../read.ts";
import { type Look, positionOf, readTable, renderTable, watchTables } from "../table.ts";

/** One kind, or one object, as the user asked to see it. */
type View = {
  readonly named: Named;
  readonly look: Look;
  /** `undefined`: all namespaces, or none. */
  readonly namespace: string | undefined;
  readonly query: URLSearchParams;
};

function viewOf(call: Call, named: Named, context: { namespace: string; many: boolean }): View {
  const { flags } = call;
  const all = flags["all-namespaces"] === true;
  if (named.name !== undefined && all) {
    throw new Misuse("A NAME cannot be combined with --all-namespaces");
  }
  const query = new URLSearchParams();
  const labels = text(flags, "selector");
  const fields = text(flags, "field-selector");
  if (labels !== undefined) query.set("labelSelector", labels);
  if (fields !== undefined) query.set("fieldSelector", fields);
  return {
    named,
    look: {
      prefix: context.many ? `${kindText(named.type)}/` : "",
      wide: flags["output"] === "wide",
      showNamespace: all && named.type.namespaced,
    },
    namespace: all || !named.type.namespaced ? undefined : context.namespace,
    query,
  };
}

function urlOf({ named: { type, name }, namespace, query }: View): string {
  const key = namespace === undefined ? {} : { namespace };
  const path =
    name === undefined ? collectionPath(type, namespace) : objectPath(type, { ...key, name });
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

/** Shows changes until interrupted. */
async function watch(call: Call, view: View, from: string, titled: boolean): Promise<void> {
  const { client } = await call.connect();
  const { type, name } = view.named;
  const query = new URLSearchParams(view.query);
  if (name !== undefined) query.set("fieldSelector", `metadata.name=${name}`);
  const path = collectionPath(type, view.namespace);
  let columns: Parameters<typeof renderTable>[1] = [];
  let hasTitle = titled;
  const options = { query, from, signal: call.signal };
  for await (const table of watchTables(client, path, options)) {
    columns = table.columnDefinitions ?? columns; // only the first frame of a stream has them
    call.io.out(renderTable(view.look, columns, table.rows ?? [], hasTitle));
    hasTitle = true;
  }
}

type ObjectList = {
  readonly items?: readonly object[];
  readonly kind?: string;
  readonly apiVersion?: string;
};

async function objectsOf(call: Call, view: View): Promise<readonly object[]> {
  const { client } = await call.connect();
  const answer = await readJson<ObjectList>(client, urlOf(view), "application/json", call.signal);
  const { items, apiVersion } = answer;
  const kind = answer.kind?.replace(/List$/, "");
  return items?.map((item) => ({ apiVersion, kind, ...item })) ?? [answer];
}

async function printObjects(call: Call, views: readonly View[]): Promise<void> {
  const objects: object[] = [];
  for (const view of views) objects.push(...(await objectsOf(call, view)));
  const [first] = objects;
  const single = views.length === 1 && views[0]?.named.name !== undefined;
  const document =
    single && first !== undefined
      ? first
      : { apiVersion: "v1", kind: "List", metadata: { resourceVersion: "" }, items: objects };
  call.io.out(
    call.flags["output"] === "json"
      ? `${JSON.stringify(document, null, 2)}\n`
      : stringify(document, { version: "1.1", aliasDuplicateObjects: false, lineWidth: 0 }),
  );
}

async function printNames(call: Call, views: readonly View[]): Promise<void> {
  for (const view of views) {
    for (const object of await objectsOf(call, view)) {
      const { metadata } = object as { readonly metadata: { readonly name: string } };
      call.io.out(`${kindText(view.named.type)}/${metadata.name}\n`);
    }
  }
}

async function printTables(call: Call, views: readonly View[]): Promise<void> {
  const { client, namespace } = await call.connect();
  let total = 0;
  for (const view of views) {
    const table = await readTable(client, urlOf(view), call.signal);
    const rows = table.rows ?? [];
    if (rows.length > 0) {
      if (total > 0 && view.named.name === undefined) call.io.out("\n");
      const titled = total > 0 && view.named.name !== undefined;
      call.io.out(renderTable(view.look, table.columnDefinitions ?? [], rows, titled));
    }
    total += rows.length;
    if (call.flags["watch"] === true) {
      await watch(call, view, positionOf(table) ?? "0", rows.length > 0);
    }
  }
  if (total > 0) return;
  const where = call.flags["all-namespaces"] === true ? "" : ` in namespace ${namespace}`;
  call.io.err(`No resources found${where}\n`);
}

/** `lighthouse get`. */
export const runGet: Run = async (call) => {
  const { namespace } = await call.connect();
  const named = await namedBy(await call.connect(), call.args);
  if (call.flags["watch"] === true && named.length !== 1) {
    throw new Misuse("--watch follows one TYPE, or one TYPE NAME");
  }
  const types = new Set(named.map(({ type }) => resourceText(type)));
  const views = named.map((one) => viewOf(call, one, { namespace, many: types.size > 1 }));
  const format = text(call.flags, "output");
  if (format === "json" || format === "yaml") await printObjects(call, views);
  else if (format === "name") await printNames(call, views);
  else await printTables(call, views);
  return 0;
};
