import type { Reply } from "../http.ts";

// As Kubernetes has them: what all texts may take together, and one of them where that is too much.
const maxTotal = 4_096;
const maxItem = 256;

/** Adds Warning headers, which kubectl prints once per text. */
export function addWarnings(reply: Reply, texts: ReadonlySet<string>): void {
  if (texts.size === 0) return;
  const headers = fitting([...texts].map(plain)).map((text) => `299 - "${quoted(text)}"`);
  void reply.header("warning", headers); // a reply is thenable, and this is not its end
}

/** Whole texts where they fit; else their beginnings, until the space is used up. */
function fitting(texts: readonly string[]): readonly string[] {
  const total = texts.reduce((sum, { length }) => sum + length, 0);
  if (total <= maxTotal) return texts;
  const kept: string[] = [];
  let written = 0;
  for (const text of texts) {
    if (written >= maxTotal) break;
    const cut = text.slice(0, maxItem);
    kept.push(cut);
    written += cut.length;
  }
  return kept;
}

/** Header values are Latin-1 without control characters. */
const plain = (text: string): string => text.replace(/[^\x20-\x7e]/g, " ");

const quoted = (text: string): string => text.replace(/["\\]/g, "\\$&");
