import { badRequest } from "../../machinery/errors.ts";
import { apiVersionOf } from "../../machinery/gvk.ts";
import type { EventType, Item, ItemEvent } from "../../store/item.ts";
import { frameOf } from "../../store/item.ts";
import type { Revision } from "../../store/store.ts";
import type { Call } from "./call.ts";
import { listBody } from "./list-body.ts";
import type { SlicedBody } from "./slices.ts";
import { readObjectOf, shownForm } from "./versions.ts";
import { yamlText } from "./yaml-text.ts";
import { type IncludeObject, type ListMeta, partialObject, tableOf } from "./table.ts";

function includeOf({ query }: Call): IncludeObject {
  const value = query.get("includeObject") ?? "";
  if (value === "") return "Metadata";
  if (value === "None" || value === "Metadata" || value === "Object") return value;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`);
}

function styleOf(call: Call, withDefinitions: boolean): Parameters<typeof tableOf>[3] {
  const { version } = call.rendering;
  return { version, include: includeOf(call), nowMs: call.clock.nowMs(), withDefinitions };
}

/** One object in the form the client asked for. */
export function renderItem(call: Call, item: Item): Buffer | string {
  const json = itemJson(call, item);
  return call.rendering.format === "yaml" ? yamlText(JSON.parse(json.toString())) : json;
}

function itemJson(call: Call, item: Item): Buffer | string {
  switch (call.rendering.as) {
    case "Object":
      return shownForm(call.kind, item).bytes;
    case "Table": {
      const meta = { resourceVersion: item.object.metadata.resourceVersion };
      return JSON.stringify(
        tableOf(call.kind, [readObjectOf(call.kind, item)], meta, styleOf(call, true)),
      );
    }
    case "PartialObjectMetadata":
      return JSON.stringify(partialObject(item.object, call.rendering.version));
  }
}

/** A list in the form the client asked for. */
export function renderList(call: Call, items: readonly Item[], meta: ListMeta): SlicedBody {
  return listBody(call, items, meta, styleOf(call, true));
}

/** Writes the lines of one watch; it remembers whether the columns were defined already. */
export interface EventRenderer {
  /** `type` may differ from the event's own where a selector hides one side of it. */
  event(event: ItemEvent, type: EventType): Buffer;
  /** An object that was there when the watch began. */
  initial(item: Item): Buffer;
  /** A position; `initialEventsEnd` marks the end of the initial state. */
  bookmark(at: Revision, initialEventsEnd: boolean): Buffer;
}

/** The renderer for the form that the client asked for. */
export function eventRenderer(call: Call): EventRenderer {
  return call.rendering.as === "Object" ? plainRenderer(call) : convertingRenderer(call);
}

const endAnnotation = { "k8s.io/initial-events-end": "true" };

function bookmarkMeta(at: Revision, end: boolean): object {
  const meta = { resourceVersion: String(at), creationTimestamp: null };
  return end ? { ...meta, annotations: endAnnotation } : meta;
}

/** The last state of an object, at the revision at which the watcher lost sight of it. */
function lostItem({ item, previous }: ItemEvent): { readonly object: Item["object"] } {
  const { object } = previous ?? item;
  const metadata = { ...object.metadata, resourceVersion: String(item.at) };
  return { object: { ...object, metadata } };
}

/** Frames other than the event's own: watchers that want the same one share it. */
const frames = new WeakMap<ItemEvent, Map<string, Buffer>>();

function sharedFrame(event: ItemEvent, form: string, make: () => Buffer): Buffer {
  let forms = frames.get(event);
  if (forms === undefined) frames.set(event, (forms = new Map<string, Buffer>()));
  let frame = forms.get(form);
  if (frame === undefined) forms.set(form, (frame = make()));
  return frame;
}

function plainRenderer({ kind }: Call): EventRenderer {
  const apiVersion = apiVersionOf(kind);
  const frameAs = (event: ItemEvent, type: EventType): Buffer => {
    if (type === "DELETED" && event.type !== "DELETED") {
      const { object } = lostItem(event);
      const shown = kind.view?.toShown(object) ?? object;
      return frameOf(type, JSON.stringify({ ...shown, apiVersion }));
    }
    return frameOf(type, shownForm(kind, event.item).bytes);
  };
  return {
    event(event, type) {
      // Built-in kinds have one version, and few are views of another.
      const asStored = !kind.custom && kind.view === undefined;
      if (type === event.type && asStored) return event.frame;
      return sharedFrame(event, `${type} ${apiVersion}`, () =>
        type === event.type && shownForm(kind, event.item) === event.item
          ? event.frame
          : frameAs(event, type),
      );
    },
    initial: (item) => frameOf("ADDED", shownForm(kind, item).bytes),
    bookmark(at, end) {
      const object = { kind: kind.kind, apiVersion, metadata: bookmarkMeta(at, end) };
      return frameOf("BOOKMARK", JSON.stringify(object));
    },
  };
}

function convertingRenderer(call: Call): EventRenderer {
  const { as, version } = call.rendering;
  let first = true;
  const converted = (object: Item["object"]): string => {
    if (as === "PartialObjectMetadata") return JSON.stringify(partialObject(object, version));
    const meta = { resourceVersion: object.metadata.resourceVersion };
    const table = tableOf(call.kind, [object], meta, styleOf(call, first));
    first = false;
    return JSON.stringify(table);
  };
  return {
    event(event, type) {
      const lost = type === "DELETED" && event.type !== "DELETED";
      const make = (): Buffer =>
        frameOf(type, converted(lost ? lostItem(event).object : event.item.object));
      // Tables have ages and column definitions of their own.
      return as === "Table" ? make() : sharedFrame(event, `${type} ${as} ${version}`, make);
    },
    initial: (item) => frameOf("ADDED", converted(readObjectOf(call.kind, item))),
    bookmark(at, end) {
      const metadata = bookmarkMeta(at, end);
      const apiVersion = `meta.k8s.io/${version}`;
      const body =
        as === "Table"
          ? { kind: "Table", apiVersion, metadata, columnDefinitions: null, rows: [] }
          : { kind: "PartialObjectMetadata", apiVersion, metadata };
      return frameOf("BOOKMARK", JSON.stringify(body));
    },
  };
}
