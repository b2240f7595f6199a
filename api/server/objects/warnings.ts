import type { Reply } from "../http.ts";

const maxLength = 256;

/** Adds Warning headers, which kubectl prints once per text. */
export function addWarnings(reply: Reply, texts: ReadonlySet<string>): void {
  if (texts.size === 0) return;
  const headers = [...texts].map((text) => `299 - "${quoted(text)}"`);
  void reply.header("warning", headers); // a reply is thenable, and this is not its end
}

function quoted(text: string): string {
  // Header values are Latin-1 without control characters.
  const plain = text.replace(/[^\x20-\x7e]/g, " ").slice(0, maxLength);
  return plain.replace(/["\\]/g, "\\$&");
}
