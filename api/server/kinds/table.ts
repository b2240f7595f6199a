import type { Kind, Kinds } from "./kind.ts";

/** The table of served kinds, with the hand that fills it. */
export interface KindTable extends Kinds {
  /** Replaces all kinds of one source, e.g. of one CRD; none takes them away. */
  set(source: string, kinds: readonly Kind[]): void;
}

const keyOf = (group: string, version: string, plural: string): string =>
  `${group}/${version}/${plural}`;

/** A table that holds these built-in kinds; they win over later ones of the same name. */
export function kindTable(builtIn: readonly Kind[]): KindTable {
  const sources = new Map<string, readonly Kind[]>([["", builtIn]]);
  const listeners = new Set<() => void>();
  let index = new Map<string, Kind>();
  const rebuild = (): void => {
    index = new Map();
    for (const kinds of sources.values()) {
      for (const kind of kinds) {
        const key = keyOf(kind.group, kind.version, kind.plural);
        if (!index.has(key)) index.set(key, kind);
      }
    }
  };
  rebuild();
  return {
    find: (group, version, plural) => index.get(keyOf(group, version, plural)),
    list: () => [...index.values()],
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    set(source, kinds) {
      if (kinds.length === 0) sources.delete(source);
      else sources.set(source, kinds);
      rebuild();
      for (const listener of listeners) listener();
    },
  };
}
