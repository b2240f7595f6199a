/** Parameters of a URL; absent and empty ones are left out. */
export type Query = Readonly<Record<string, string | undefined>>;

/** A path with its query. */
export function withQuery(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") params.set(name, value);
  }
  return params.size === 0 ? path : `${path}?${params.toString()}`;
}
