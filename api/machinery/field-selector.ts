import { badRequest } from "./errors.ts";

/** One condition on one field; `==` is read as `=`. */
export type FieldTerm = {
  /** e.g. `metadata.name` or `spec.nodeName`. */
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
};

/** Terms that must all hold. Empty: everything. */
export type FieldSelector = readonly FieldTerm[];

/** Splits at commas that no backslash escapes. */
function splitTerms(text: string): readonly string[] {
  const terms = [""];
  let escaped = false;
  for (const char of text) {
    if (char === "," && !escaped) terms.push("");
    else terms[terms.length - 1] += char;
    escaped = char === "\\" && !escaped;
  }
  return terms.filter((term) => term !== "");
}

function unescapeValue(text: string): string {
  let value = "";
  let escaped = false;
  for (const char of text) {
    const special = char === "\\" || char === "," || char === "=";
    if (escaped && !special) {
      throw badRequest(`invalid field selector: invalid escape sequence: \\${char}`);
    }
    // The code point in decimal: that is how Kubernetes prints it.
    if (!escaped && (char === "," || char === "=")) {
      throw badRequest(
        `invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`,
      );
    }
    escaped = char === "\\" && !escaped;
    if (!escaped) value += char;
  }
  if (escaped) throw badRequest("invalid field selector: invalid escape sequence: \\");
  return value;
}

/**
 * Reads a `fieldSelector` parameter: terms with `=`, `==` or `!=`, joined by commas; in values a
 * backslash escapes a comma, an equals sign or a backslash.
 *
 * @throws StatusError `BadRequest` with Kubernetes' words.
 */
export function parseFieldSelector(text: string): FieldSelector {
  return splitTerms(text).map((term) => {
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (match === null) {
      throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    const [, field = "", sign, raw = ""] = match;
    return { field, operator: sign === "!=" ? "!=" : "=", value: unescapeValue(raw) };
  });
}

/** Whether an object meets every term; `read` gives a field's text, empty when it is absent. */
export function matchesFields(selector: FieldSelector, read: (field: string) => string): boolean {
  return selector.every(
    ({ field, operator, value }) => (read(field) === value) === (operator === "="),
  );
}

/** The value that a selector pins a field to, e.g. the one name that can match. */
export function pinnedField(selector: FieldSelector, field: string): string | undefined {
  return selector.find((term) => term.field === field && term.operator === "=")?.value;
}

/**
 * @throws StatusError `BadRequest` when a term names a field the kind cannot select by.
 */
export function requireSelectable(
  selector: FieldSelector,
  selectable: (field: string) => boolean,
): void {
  for (const { field } of selector) {
    if (!selectable(field)) throw badRequest(`field label not supported: ${field}`);
  }
}

/** The text form, escaped so that {@link parseFieldSelector} reads the same terms. */
export function fieldSelectorText(selector: FieldSelector): string {
  return selector
    .map(({ field, operator, value }) => field + operator + value.replace(/[\\,=]/g, "\\$&"))
    .join(",");
}
