const reserved = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/**
 * The name by which rules call a field: CEL has no quoted identifiers. `undefined` when there is
 * none: rules cannot see the field.
 */
export function escapedName(field: string): string | undefined {
  if (reserved.has(field)) return `__${field}__`;
  const name = field
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
  return /^[A-Za-z_]\w*$/.test(name) ? name : undefined;
}
