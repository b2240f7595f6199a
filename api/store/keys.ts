import { badRequest } from "../machinery/errors.ts";
import type { ObjectKey } from "../machinery/object.ts";

/** Whose objects: the core group is the empty string, `plural` as it stands in paths. */
export type Collection = {
  readonly group: string;
  readonly plural: string;
  /** Present: its objects are kept with those of this collection, e.g. both Event groups. */
  readonly keptWith?: { readonly group: string; readonly plural: string };
};

/** An object's collection and key, as read back from a store key. */
export type StoredKey = { readonly collection: Collection; readonly key: ObjectKey };

/** Longest store key in bytes. LMDB ends at 1,978; names of 253 bytes, escaped, need about 1,200. */
export const maxKeyBytes = 1_900;

/** What all keys of objects begin with; keys of drivers and of our own record-keeping do not. */
export const objectsPrefix = "/registry/";

const plain = /^[\w.-]+$/;

// encodeURIComponent leaves "." alone and never writes %63, so no two texts share a form.
function escape(segment: string): string {
  if (segment === "") throw badRequest('Cannot store an object with an empty name in its path: ""');
  // Nearly all names are: looking is half of the time of writing them anew.
  return plain.test(segment) ? segment : encodeURIComponent(segment);
}

function escapeGroup(group: string): string {
  if (group === "") return "core";
  return group === "core" ? "%63ore" : escape(group);
}

const unescapeGroup = (segment: string): string =>
  segment === "core" ? "" : decodeURIComponent(segment);

/**
 * What all store keys of a collection, or of one namespace in it, start with. It ends with a
 * slash, so `shop` never matches `shop-2`. Example: `/registry/core/pods/shop/`.
 */
export function collectionPrefix(collection: Collection, namespace?: string): string {
  const { group, plural } = collection.keptWith ?? collection;
  const all = `${objectsPrefix}${escapeGroup(group)}/${escape(plural)}/`;
  return namespace === undefined ? all : `${all}${escape(namespace)}/`;
}

/**
 * Where one object is stored: `/registry/<group or core>/<plural>/<namespace>/<name>`, without the
 * namespace when cluster-scoped. Segments are percent-escaped, so a slash in a name is harmless.
 * @throws StatusError `BadRequest` if a part is empty.
 */
export function storeKey(collection: Collection, { namespace, name }: ObjectKey): string {
  return collectionPrefix(collection, namespace) + escape(name);
}

/** The inverse of {@link storeKey}; `undefined` if the text is no such key. */
export function parseStoreKey(text: string): StoredKey | undefined {
  if (!text.startsWith(objectsPrefix)) return undefined;
  const segments = text.slice(objectsPrefix.length).split("/");
  const [group, plural, ...names] = segments;
  if (group === undefined || plural === undefined || segments.includes("")) return undefined;
  const [first, second] = names;
  if (first === undefined || names.length > 2) return undefined;
  const collection = { group: unescapeGroup(group), plural: decodeURIComponent(plural) };
  if (second === undefined) return { collection, key: { name: decodeURIComponent(first) } };
  const key = { namespace: decodeURIComponent(first), name: decodeURIComponent(second) };
  return { collection, key };
}

/** Refuses what a driver could not store. @throws StatusError `BadRequest` */
export function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes > maxKeyBytes) {
    throw badRequest(
      `Cannot use a store key of ${bytes} bytes: at most ${maxKeyBytes} are allowed`,
    );
  }
  // The slash keeps etcd prefixes apart, and a NUL would sort below every other key.
  if (!key.startsWith("/") || key.includes("\0")) {
    throw badRequest(`Cannot use the store key ${JSON.stringify(key)}: it must begin with a slash`);
  }
}

/** Order of the keys' UTF-8 bytes; plain string comparison differs beyond U+FFFF. */
export function compareKeys(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const difference = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

// Surrogates stand for code points above all others, yet their units lie below U+E000.
function rank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}
