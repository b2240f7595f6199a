/**
 * Reads the query of a URL, without the first `?`. Whoever judges a request and whoever answers it read it by
 * this one function: else a query that both understand differently is a way around the judge.
 */
export function parseQuery(text: string): URLSearchParams {
  // A text that begins with "?" would lose it: `/api/v1/secrets??a=b` has a parameter of the name "?a".
  return new URLSearchParams(`&${text}`);
}

/** The same as fastify wants it: a list for what is there more than once. */
export function queryRecord(text: string): Record<string, string | string[]> {
  const query = parseQuery(text);
  const names = [...new Set(query.keys())];
  const entries = names.map((name): [string, string | string[]] => {
    const values = query.getAll(name);
    const [first = ""] = values;
    return [name, values.length === 1 ? first : values];
  });
  return Object.fromEntries(entries);
}
