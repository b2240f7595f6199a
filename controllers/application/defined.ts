/** The fields that are there, typed as optional: an absent field is absent, and never `undefined`. */
export function defined<T extends object>(
  fields: T,
): { readonly [Field in keyof T]?: Exclude<T[Field], undefined> } {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  // Sound: only absent fields are left out.
  return Object.fromEntries(present) as { [Field in keyof T]?: Exclude<T[Field], undefined> };
}
