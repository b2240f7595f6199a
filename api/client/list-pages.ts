import { isExpired } from "../machinery/errors.ts";
import { apiVersionOf, type ResourceType } from "../machinery/gvk.ts";
import type { KubeObject } from "../machinery/object.ts";
import type { List } from "./client.ts";
import type { Query } from "./query.ts";

/** Objects per page of a list: large enough to be few, small enough to be answered soon. */
const pageSize = "500";

/** Asks for one page; the query names the limit and where to go on. */
type GetPage = (query: Query) => Promise<unknown>;

type Page<T> = {
  readonly items?: readonly T[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
};

async function* pagesOf<T>(getPage: GetPage): AsyncGenerator<Page<T>> {
  let token: string | undefined;
  do {
    const page = (await getPage({ limit: pageSize, continue: token })) as Page<T>;
    yield page;
    token = page.metadata?.continue;
  } while (token !== undefined && token !== "");
}

async function collect<T>(pages: AsyncIterable<Page<T>>): Promise<List<T & KubeObject>> {
  const items: (T & KubeObject)[] = [];
  let resourceVersion = "";
  for await (const page of pages) {
    for (const item of page.items ?? []) items.push(item as T & KubeObject);
    resourceVersion = page.metadata?.resourceVersion ?? "";
  }
  return { items, resourceVersion };
}

/**
 * The whole list, page by page at one revision. When the history moved on between two pages, it
 * is read anew in one piece.
 */
export async function listAll<T extends KubeObject>(
  type: ResourceType & { readonly metadataOnly?: boolean },
  getPage: GetPage,
): Promise<List<T>> {
  const whole = async function* (): AsyncGenerator<Page<T>> {
    yield (await getPage({})) as Page<T>;
  };
  const list = await collect(pagesOf<T>(getPage)).catch((err: unknown) => {
    if (!isExpired(err)) throw err;
    return collect(whole());
  });
  // Items of a list leave out what the list says for all of them.
  const named = { apiVersion: apiVersionOf(type), kind: type.kind };
  const override = type.metadataOnly === true ? named : {};
  return { ...list, items: list.items.map((item) => ({ ...named, ...item, ...override })) };
}
