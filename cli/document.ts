import { stringify } from "yaml";

/** How `-o` shows a whole object. */
export type DocumentFormat = "json" | "yaml";

/** Whether a value of `-o` asks for a whole object. */
export function isDocumentFormat(format: string | undefined): format is DocumentFormat {
  return format === "json" || format === "yaml";
}

/** An object as text, as `kubectl get -o` prints it. YAML 1.1, so that "yes" stays a string for all. */
export function documentText(format: DocumentFormat, document: unknown): string {
  if (format === "json") return `${JSON.stringify(document, null, 2)}\n`;
  return stringify(document, { version: "1.1", aliasDuplicateObjects: false, lineWidth: 0 });
}
