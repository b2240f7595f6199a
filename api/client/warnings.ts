const value = /\d{3} \S+ "((?:[^"\\]|\\.)*)"/g;

/** The texts of `Warning` headers: `299 - "unknown field"` gives `unknown field`. */
export function warningsOf(header: string | readonly string[] | undefined): readonly string[] {
  if (header === undefined) return [];
  const text = typeof header === "string" ? header : header.join(", ");
  return Array.from(text.matchAll(value), ([, quoted]) => (quoted ?? "").replace(/\\(.)/g, "$1"));
}
