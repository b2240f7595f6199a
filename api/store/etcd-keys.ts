/** Places store keys below a prefix of etcd's key space, which others may share. */
export interface EtcdKeys {
  /** All that is ours: store keys and the marker. */
  readonly root: KeyRange;
  /** A key of our own, no store key: written to learn how far the history has come. */
  readonly marker: Buffer;
  /** Another one: where the history begins, see `etcd-origin.ts`. */
  readonly origin: Buffer;
  toEtcd(key: string): Buffer;
  /** The store key; `undefined` for the marker and the origin. */
  fromEtcd(key: Buffer): string | undefined;
  /** The store keys with this prefix that are greater than `after`. */
  range(prefix: string, after?: string): KeyRange;
}

/** As etcd has it: `end` is the first key behind the range. */
export type KeyRange = { readonly key: Buffer; readonly range_end: Buffer };

/**
 * Store keys begin with a slash, so `/lighthouse` and `/lighthouse-2` share no key. Example:
 * `/registry/core/pods/shop/web` is stored as `/lighthouse/registry/core/pods/shop/web`.
 */
export function etcdKeys(prefix: string): EtcdKeys {
  // "0" follows "/" in ASCII; a NUL sorts before every store key.
  const root = { key: Buffer.from(`${prefix}/`), range_end: Buffer.from(`${prefix}0`) };
  const marker = Buffer.from(`${prefix}/\0lighthouse`);
  const origin = Buffer.from(`${prefix}/\0origin`);
  const first = Buffer.from(`${prefix}/\u0001`);
  const skipped = Buffer.byteLength(prefix);
  return {
    root,
    marker,
    origin,
    toEtcd: (key) => Buffer.from(prefix + key),
    fromEtcd: (key) =>
      key.equals(marker) || key.equals(origin) ? undefined : key.toString("utf8", skipped),
    range(start, after) {
      if (start === "" || start === "/") {
        const key = after === undefined || after === "" ? first : next(prefix + after);
        return { key, range_end: root.range_end };
      }
      const range_end = Buffer.from(prefix + start);
      const last = range_end.length - 1;
      range_end[last] = (range_end[last] ?? 0) + 1; // UTF-8 never ends in 0xff
      const key =
        after === undefined || after === "" ? Buffer.from(prefix + start) : next(prefix + after);
      return { key, range_end };
    },
  };
}

/** The smallest key that is greater. */
function next(key: string): Buffer {
  return Buffer.concat([Buffer.from(key), Buffer.of(0)]);
}
