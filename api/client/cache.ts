import { keyOf, type KubeObject, keyText, type ObjectKey } from "../machinery/object.ts";
import type { Cache, Change, Indexes } from "./informer.ts";

/** The writing side of a cache; only its informer holds it. Each method says what changed. */
export interface WritableCache<T extends KubeObject> extends Cache<T> {
  /** Adds or updates one object; nothing when that version is there already. */
  put(object: T): readonly Change<T>[];
  /** Forgets one object; nothing when it is not there. */
  remove(key: ObjectKey): readonly Change<T>[];
  /** Becomes exactly `objects` at once. */
  replace(objects: readonly T[]): readonly Change<T>[];
  /**
   * Files all objects, present and later, under further indexes.
   *
   * @throws Error when an index of that name files differently.
   */
  index(indexes: Indexes<T>): void;
}

/** Freezes a JSON value to its leaves: many readers share it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

type File<T> = {
  readonly valuesOf: (object: T) => readonly string[];
  readonly byValue: Map<string, Map<string, T>>;
};

function fileIn<T>({ byValue }: File<T>, value: string, key: string, object: T): void {
  const objects = byValue.get(value);
  if (objects === undefined) byValue.set(value, new Map([[key, object]]));
  else objects.set(key, object);
}

function takeOut<T>({ byValue }: File<T>, value: string, key: string): void {
  const objects = byValue.get(value);
  objects?.delete(key);
  if (objects?.size === 0) byValue.delete(value);
}

/** Same uid, other version. Another uid is another object of the same name. */
const isSame = (before: KubeObject, after: KubeObject): boolean =>
  before.metadata.uid === after.metadata.uid &&
  before.metadata.resourceVersion === after.metadata.resourceVersion;

function changesBetween<T extends KubeObject>(before: T | undefined, after: T): Change<T>[] {
  if (before === undefined) return [{ type: "added", after }];
  if (isSame(before, after)) return [];
  if (before.metadata.uid === after.metadata.uid) return [{ type: "updated", before, after }];
  return [
    { type: "deleted", before },
    { type: "added", after },
  ];
}

class IndexedCache<T extends KubeObject> implements WritableCache<T> {
  #objects = new Map<string, T>();
  readonly #files = new Map<string, File<T>>([
    ["", { valuesOf: ({ metadata }) => [metadata.namespace ?? ""], byValue: new Map() }],
  ]);

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(keyText(key));
  }

  list(namespace?: string): readonly T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.by("", namespace);
  }

  by(index: string, value: string): readonly T[] {
    const file = this.#files.get(index);
    if (file === undefined) throw new Error(`Cannot look up by "${index}": no such index`);
    return [...(file.byValue.get(value)?.values() ?? [])];
  }

  index(indexes: Indexes<T>): void {
    for (const [name, valuesOf] of Object.entries(indexes)) {
      const known = this.#files.get(name);
      if (known !== undefined && known.valuesOf !== valuesOf) {
        throw new Error(`Cannot add index "${name}": another one has that name`);
      }
      if (known !== undefined) continue;
      const file: File<T> = { valuesOf, byValue: new Map() };
      this.#files.set(name, file);
      for (const [key, object] of this.#objects) {
        for (const value of valuesOf(object)) fileIn(file, value, key, object);
      }
    }
  }

  put(object: T): readonly Change<T>[] {
    const key = keyText(keyOf(object));
    const changes = changesBetween(this.#objects.get(key), object);
    if (changes.length > 0) this.#set(key, deepFreeze(object));
    return changes;
  }

  remove(key: ObjectKey): readonly Change<T>[] {
    const text = keyText(key);
    const before = this.#objects.get(text);
    if (before === undefined) return [];
    this.#unset(text, before);
    return [{ type: "deleted", before }];
  }

  replace(objects: readonly T[]): readonly Change<T>[] {
    const kept = new Set(objects.map((object) => keyText(keyOf(object))));
    const gone = [...this.#objects].filter(([key]) => !kept.has(key));
    return [
      ...gone.flatMap(([, object]) => this.remove(keyOf(object))),
      ...objects.flatMap((object) => this.put(object)),
    ];
  }

  #set(key: string, object: T): void {
    const before = this.#objects.get(key);
    if (before !== undefined) this.#unset(key, before);
    this.#objects.set(key, object);
    for (const file of this.#files.values()) {
      for (const value of file.valuesOf(object)) fileIn(file, value, key, object);
    }
  }

  #unset(key: string, object: T): void {
    this.#objects.delete(key);
    for (const file of this.#files.values()) {
      for (const value of file.valuesOf(object)) takeOut(file, value, key);
    }
  }
}

/** An empty cache. */
export function createCache<T extends KubeObject>(indexes: Indexes<T> = {}): WritableCache<T> {
  const cache = new IndexedCache<T>();
  cache.index(indexes);
  return cache;
}
