import type { Reply } from "../http.ts";

/** Room for all warnings of an answer, and for each once they do not fit, in characters. */
const maxTotal = 4_096;
const maxEach = 256;

/** Adds Warning headers, which kubectl prints once per text. */
export function addWarnings(reply: Reply, texts: ReadonlySet<string>): void {
  if (texts.size === 0) return;
  void reply.header("warning", warningHeaders(texts)); // a reply is thenable, and this is not its end
}

/**
 * Values of Warning headers, in Kubernetes' limits: longer texts are cut when all together are too
 * long, and those that then still do not fit are left out.
 */
export function warningHeaders(texts: Iterable<string>): readonly string[] {
  // Header values are Latin-1 without control characters.
  const plain = [...texts].map((text) => text.replace(/[^\x20-\x7e]/g, " "));
  const long = plain.reduce((sum, text) => sum + text.length, 0) > maxTotal;
  const headers: string[] = [];
  let total = 0;
  for (const text of plain) {
    const shown = long ? text.slice(0, maxEach) : text;
    total += shown.length;
    if (total > maxTotal) break;
    headers.push(`299 - "${shown.replace(/["\\]/g, "\\$&")}"`);
  }
  return headers;
}
