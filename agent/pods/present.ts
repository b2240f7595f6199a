type Entries<T> = { readonly [Key in keyof T]: T[Key] | undefined };

/** Without the fields that are `undefined`: for Docker an absent field means the image's or its own. */
export function present<T extends object>(entries: Entries<T>): T {
  return Object.fromEntries(
    Object.entries(entries).filter(([, value]) => value !== undefined),
  ) as T;
}
