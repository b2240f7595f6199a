import type { Client } from "../api/client/client.ts";
import { formatTable } from "./output.ts";
import { readJson, readLines } from "./read.ts";

const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

type Meta = { readonly namespace?: string; readonly resourceVersion?: string };
type Column = { readonly name: string; readonly priority?: number };
type Row = { readonly cells: readonly unknown[]; readonly object?: { readonly metadata?: Meta } };

/** meta.k8s.io Table: the server decides the columns of each kind. */
export type Table = {
  readonly metadata?: Meta;
  readonly columnDefinitions?: readonly Column[] | null;
  readonly rows?: readonly Row[] | null;
};

type Frame = { readonly type: string; readonly object: Table & { readonly message?: string } };

/** How rows are shown. */
export type Look = {
  /** Stands before each name when several kinds are listed, e.g. `pods/`. */
  readonly prefix: string;
  readonly wide: boolean;
  readonly showNamespace: boolean;
};

function shown(cell: unknown): string {
  if (cell === null || cell === undefined) return "<none>";
  return typeof cell === "string" ? cell : JSON.stringify(cell);
}

function visible(columns: readonly Column[], wide: boolean): readonly number[] {
  return columns.flatMap(({ priority }, index) => ((priority ?? 0) > 0 && !wide ? [] : [index]));
}

/** The lines of a table, with its header unless it was printed before. */
export function renderTable(
  look: Look,
  columns: readonly Column[],
  rows: readonly Row[],
  titled: boolean,
): string {
  const picked = visible(columns, look.wide);
  const lines = rows.map(({ cells, object }) => {
    const row = picked.map((index) => shown(cells[index]));
    if (row[0] !== undefined) row[0] = `${look.prefix}${row[0]}`;
    return look.showNamespace ? [object?.metadata?.namespace ?? "", ...row] : row;
  });
  if (titled) return formatTable(lines);
  const names = picked.map((index) => (columns[index]?.name ?? "").toUpperCase());
  return formatTable([look.showNamespace ? ["NAMESPACE", ...names] : names, ...lines]);
}

/** Where a watch of this table goes on: the list's position, or that of the only object. */
export function positionOf({ metadata, rows }: Table): string | undefined {
  return metadata?.resourceVersion || rows?.[0]?.object?.metadata?.resourceVersion;
}

/** Reads a collection or an object as a table. */
export function readTable(client: Client, url: string, signal: AbortSignal): Promise<Table> {
  return readJson<Table>(client, url, accept, signal);
}

async function* frames(client: Client, path: string, signal: AbortSignal): AsyncGenerator<Frame> {
  const { body } = await client.raw({ method: "GET", path, accept }, signal);
  for await (const line of readLines(body)) {
    const frame = JSON.parse(line) as Frame;
    if (frame.type === "ERROR")
      throw new Error(frame.object.message ?? "Watch ended with an error");
    yield frame;
  }
}

/** Tables of one row each, for every change after `from`. A server that ends the stream is asked
 * again from the last position. Ends with the signal. */
export async function* watchTables(
  client: Client,
  path: string,
  options: {
    readonly query: URLSearchParams;
    readonly from: string;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Table> {
  const query = new URLSearchParams(options.query);
  query.set("watch", "true");
  query.set("allowWatchBookmarks", "true");
  let position = options.from;
  while (!options.signal.aborted) {
    query.set("resourceVersion", position);
    for await (const { object } of frames(client, `${path}?${query.toString()}`, options.signal)) {
      position = positionOf(object) ?? position;
      if ((object.rows ?? []).length > 0) yield object;
    }
  }
}
