import { internal } from "../machinery/errors.ts";
import type { AnyObject } from "../machinery/object.ts";
import type { Revision } from "./store.ts";

/** What happened to an item, in the words of the watch protocol. */
export type EventType = "ADDED" | "MODIFIED" | "DELETED";

/**
 * One version of one object. Its JSON is made once and shared by all who send it; it is parsed
 * only if somebody asks for a field. Neither may be changed.
 */
export interface Item {
  readonly key: string;
  readonly at: Revision;
  /** The object as JSON, `metadata.resourceVersion` included. */
  readonly bytes: Buffer;
  readonly object: AnyObject;
}

/** One change of an item. After a deletion, `item` is the last state at the deletion's revision. */
export type ItemEvent = {
  readonly type: EventType;
  readonly item: Item;
  /** The version before; absent on ADDED. */
  readonly previous?: Item;
  /** The event as a line of a watch, e.g. `{"type":"ADDED","object":{…}}\n`. */
  readonly frame: Buffer;
};

const marker = Buffer.from('"metadata":{');
const heads = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};
const tail = Buffer.from("}\n");

type Encodable = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly [field: string]: unknown;
};

/**
 * The stored form of an object: JSON without `metadata.resourceVersion`, which is the revision of
 * the entry. The three common fields come first, so that a reader finds where to put it back.
 */
export function encodeObject({ apiVersion, kind, metadata, ...rest }: Encodable): Buffer {
  const stored = { ...metadata, resourceVersion: undefined };
  return Buffer.from(JSON.stringify({ apiVersion, kind, metadata: stored, ...rest }));
}

// Revision 0 is an object that was never stored: the answer to a dry run.
const versionField = (at: Revision): string => (at === 0 ? "" : `"resourceVersion":"${at}",`);

/** Length of the value that an item was made from, in bytes. */
export function storedLength({ bytes, at }: Item): number {
  return bytes.length - versionField(at).length;
}

type Allocate = (size: number) => Buffer;
// A short-lived answer may share a slab; what the cache keeps must not hold on to its neighbours.
const shared: Allocate = (size) => Buffer.allocUnsafe(size);
const own: Allocate = (size) => Buffer.allocUnsafeSlow(size);

type Around = { readonly head: Buffer; readonly end: Buffer; readonly allocate: Allocate };

/** Puts the revision into a stored value, with `head` and `end` around it. */
function assemble(value: Uint8Array, at: Revision, { head, end, allocate }: Around): Buffer {
  const source = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const cut = source.indexOf(marker) + marker.length;
  if (cut < marker.length) throw internal("Cannot read a stored value: it has no metadata");
  const version = versionField(at);
  const frame = allocate(head.length + source.length + version.length + end.length);
  let offset = head.copy(frame, 0);
  offset += source.copy(frame, offset, 0, cut);
  offset += frame.write(version, offset, "latin1");
  offset += source.copy(frame, offset, cut);
  end.copy(frame, offset);
  return frame;
}

class ParsedLater implements Item {
  readonly key: string;
  readonly at: Revision;
  readonly bytes: Buffer;
  #object: AnyObject | undefined;

  constructor(key: string, at: Revision, bytes: Buffer) {
    this.key = key;
    this.at = at;
    this.bytes = bytes;
  }

  get object(): AnyObject {
    return (this.#object ??= this.parsed());
  }

  protected parsed(): AnyObject {
    return JSON.parse(this.bytes.toString()) as AnyObject;
  }

  /** Lets go of the parsed form; the next reader makes it again. */
  forget(): void {
    this.#object = undefined;
  }
}

/**
 * Parsed forms of cached items, oldest first. They take several times the room of the bytes, and
 * one list with a selector parses them all: only the newest `parsedLimitBytes` of bytes stay.
 */
const parsed: { items: KeptItem[]; first: number; bytes: number } = {
  items: [],
  first: 0,
  bytes: 0,
};
const parsedLimitBytes = 16 << 20;

/** An item of the cache: it lives long, its parsed form does not. */
class KeptItem extends ParsedLater {
  protected override parsed(): AnyObject {
    const object = super.parsed();
    parsed.items.push(this);
    parsed.bytes += this.bytes.length;
    while (parsed.bytes > parsedLimitBytes) forgetOldest();
    return object;
  }
}

function forgetOldest(): void {
  const oldest = parsed.items[parsed.first];
  parsed.first += 1;
  parsed.bytes -= oldest?.bytes.length ?? parsed.bytes;
  oldest?.forget();
  if (parsed.first < 1_024 || parsed.first * 2 < parsed.items.length) return;
  parsed.items = parsed.items.slice(parsed.first);
  parsed.first = 0;
}

const bare: Around = { head: Buffer.alloc(0), end: Buffer.alloc(0), allocate: shared };

/** The same version of the same object, in other bytes, e.g. those of another API version. */
export function itemWithBytes({ key, at }: Item, bytes: Buffer): Item {
  return new ParsedLater(key, at, bytes);
}

/** The item of a stored value. @throws StatusError `InternalError` if it is no object of ours. */
export function itemOf(key: string, value: Uint8Array, at: Revision): Item {
  return new ParsedLater(key, at, assemble(value, at, bare));
}

/** The same for the cache, which keeps it: its bytes share memory with nobody. */
export function keptItemOf(key: string, value: Uint8Array, at: Revision): Item {
  return new KeptItem(key, at, assemble(value, at, { ...bare, allocate: own }));
}

/** The event of a stored value. Item and frame share one piece of memory. */
export function eventOf(
  type: EventType,
  stored: { readonly key: string; readonly value: Uint8Array; readonly at: Revision },
  previous?: Item,
): ItemEvent {
  const head = heads[type];
  const frame = assemble(stored.value, stored.at, { head, end: tail, allocate: own });
  const bytes = frame.subarray(head.length, frame.length - tail.length);
  const item = new KeptItem(stored.key, stored.at, bytes);
  return previous === undefined ? { type, item, frame } : { type, item, previous, frame };
}

/** A line of a watch around any JSON. */
export function frameOf(type: EventType | "BOOKMARK" | "ERROR", json: Uint8Array | string): Buffer {
  const object = typeof json === "string" ? Buffer.from(json) : json;
  return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), object, tail]);
}
