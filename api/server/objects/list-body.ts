import { apiVersionOf } from "../../machinery/gvk.ts";
import type { Item } from "../../store/item.ts";
import type { Call } from "./call.ts";
import { slicedBody, type SlicedBody } from "./slices.ts";
import {
  columnDefinitions,
  type ListMeta,
  partialObject,
  rowOf,
  type TableStyle,
} from "./table.ts";
import { shownForm } from "./versions.ts";
import { yamlItem, yamlText } from "./yaml-text.ts";

/**
 * A list in the form the client asked for. Objects are sent as the bytes that the cache holds;
 * table rows and partial objects are made while the list is sent.
 */
export function listBody(
  call: Call,
  items: readonly Item[],
  meta: ListMeta,
  style: TableStyle,
): SlicedBody {
  const form = formOf(call, style);
  const head = `{"kind":"${form.kind}","apiVersion":"${form.apiVersion}","metadata":`;
  const open = `${head}${JSON.stringify(meta)},${form.open}`;
  const parts = call.rendering.format === "yaml" ? yamlParts : jsonParts;
  return slicedBody(parts(open, items, form.part));
}

type Form = {
  readonly kind: string;
  readonly apiVersion: string;
  /** Further fields and the name of the array, e.g. `"items":[`. */
  readonly open: string;
  readonly part: (item: Item) => Buffer | string;
};

function formOf(call: Call, style: TableStyle): Form {
  const { kind, rendering } = call;
  const apiVersion = `meta.k8s.io/${rendering.version}`;
  switch (rendering.as) {
    case "Object": {
      const part = (item: Item): Buffer => shownForm(kind, item).bytes;
      return { kind: kind.listKind, apiVersion: apiVersionOf(kind), open: '"items":[', part };
    }
    case "Table": {
      const columns = JSON.stringify(columnDefinitions(kind));
      const part = ({ object }: Item): string => JSON.stringify(rowOf(kind, object, style));
      return { kind: "Table", apiVersion, open: `"columnDefinitions":${columns},"rows":[`, part };
    }
    case "PartialObjectMetadata": {
      const part = ({ object }: Item): string =>
        JSON.stringify(partialObject(object, rendering.version));
      return { kind: "PartialObjectMetadataList", apiVersion, open: '"items":[', part };
    }
  }
}

const comma = Buffer.from(",");

type Part = Form["part"];
type Parts = Generator<Buffer | string, void>;

function* jsonParts(open: string, items: readonly Item[], part: Part): Parts {
  yield open;
  for (const [index, item] of items.entries()) {
    if (index > 0) yield comma;
    yield part(item);
  }
  yield "]}";
}

/** The array that `open` begins is its last field: its items follow without indentation. */
function* yamlParts(open: string, items: readonly Item[], part: Part): Parts {
  const head = yamlText(JSON.parse(`${open}]}`));
  yield items.length === 0 ? head : head.replace(/ \[\]\n$/, "\n");
  for (const item of items) yield yamlItem(JSON.parse(part(item).toString()));
}
