// Words that readers of YAML 1.1 take for booleans or null.
const reserved = /^(?:y|n|yes|no|on|off|true|false|null)$/i;
const plainText = /^[A-Za-z_][\w./-]*$/;
// JSON leaves these as they are; YAML must not have them in a text.
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff]/g;

function textOf(value: string): string {
  if (plainText.test(value) && !reserved.test(value)) return value;
  return JSON.stringify(value).replace(
    unprintable,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What fits behind a colon or a dash; `undefined` for what needs lines of its own. */
function inlineText(value: unknown): string | undefined {
  if (typeof value === "string") return textOf(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? "[]" : undefined;
  return Object.keys(value).length === 0 ? "{}" : undefined;
}

/** One item of a list, e.g. `- name: web\n  image: web:1\n`; `indent` is put before each line. */
export function yamlItem(value: unknown, indent = ""): string {
  const text = inlineText(value);
  if (text !== undefined) return `${indent}- ${text}\n`;
  const deeper = `${indent}  `;
  return `${indent}- ${blockText(value, deeper).slice(deeper.length)}`;
}

function fieldText(name: string, value: unknown, indent: string): string {
  const text = inlineText(value);
  const head = `${indent}${textOf(name)}:`;
  if (text !== undefined) return `${head} ${text}\n`;
  return `${head}\n${blockText(value, Array.isArray(value) ? indent : `${indent}  `)}`;
}

function blockText(value: unknown, indent: string): string {
  if (Array.isArray(value)) return value.map((item) => yamlItem(item, indent)).join("");
  return Object.entries(value as object)
    .map(([name, inner]) => fieldText(name, inner, indent))
    .join("");
}

/**
 * A value as YAML that readers of version 1.1 and 1.2 understand alike: texts that either could
 * take for something else are quoted as in JSON.
 */
export function yamlText(value: unknown): string {
  const text = inlineText(value);
  return text === undefined ? blockText(value, "") : `${text}\n`;
}
